//! The stream that events are put into.

use std::sync::Arc;
use std::time::Duration;

use crate::app::clock;
use crate::app::exit::Failure;
use crate::app::worker::open_stream;
use crate::config::WebhookOptions;
use crate::kinesis::put::{self, Producer, PutError, Settings};
use crate::webhook::stream::{Item, Later, Refusal, Stream};

/// A stream of Kinesis.
struct Kinesis(Producer);

impl Stream for Kinesis {
    fn put(&self, items: Vec<Item>, within: Duration) -> Later<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let items = items.into_iter().map(|Item { key, data }| put::Item { key, data }).collect();
            self.0.put(items, within).await.map_err(refusal)
        })
    }
}

fn refusal(error: PutError) -> Refusal {
    match error {
        PutError::TooLarge { .. } => Refusal::TooLarge(error.to_string()),
        // What somebody has to mend first can be mended while the provider tries again.
        PutError::Later { why, .. } | PutError::Never { why, .. } => Refusal::Busy(why),
    }
}

/// Opens it: fails where the stream is not there, or may not be looked at.
pub async fn open(options: &WebhookOptions) -> Result<Arc<dyn Stream>, Failure> {
    let opened = open_stream(&options.stream, options.region.as_deref(), options.endpoint_url.as_deref()).await;
    let (kinesis, stream) = opened.map_err(Failure::unavailable)?;
    let settings = Settings { memory: options.limits.memory, seed: clock::chance() };
    let producer = Producer::open(&kinesis, &stream, settings).await.map_err(Failure::unavailable)?;
    Ok(Arc::new(Kinesis(producer)))
}

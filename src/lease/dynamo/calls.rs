//! The five calls on rows.

use std::error::Error;
use std::sync::OnceLock;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

use super::fault;
use super::item::{self, Found, Item, Own};
use super::keys::Keys;
use super::update::Parts;
use crate::lease::table::{Change, Row};
use crate::pipeline::ports::StoreError;

/// Leases of one stream; no account may have so many shards in a stream's retention.
const LEASES_MAX: usize = 200_000;

/// The code of a condition that did not hold.
const CONFLICT: &str = "ConditionalCheckFailedException";

/// A client, and what it is asked about.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) own: Own,
    /// As the first listing found them.
    pub(super) keys: OnceLock<Keys>,
}

/// How one try of a conditional write ended.
#[derive(Debug)]
pub(super) enum Tried {
    Done,
    /// The condition did not hold; this is what is there.
    Met(Row),
    /// The condition did not hold, and the service does not show a lease: it is gone, or the server is one that shows
    /// nothing.
    Unlike,
}

impl Calls {
    /// Every item, as it is now.
    pub(super) async fn scan(&self) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut last): (Vec<Item>, Option<Item>) = (Vec::new(), None);
        loop {
            let request = self.client.scan().table_name(&self.table).consistent_read(true);
            let reply = Box::pin(request.set_exclusive_start_key(last).send()).await;
            let reply = reply.map_err(|e| self.failed("Scan", &e))?;
            items.extend(reply.items.unwrap_or_default());
            last = reply.last_evaluated_key.filter(|key| !key.is_empty());
            if last.is_none() {
                return Ok(items);
            }
            if items.len() > LEASES_MAX {
                return Err(StoreError::Halt(format!("table {} holds more than {LEASES_MAX} rows", self.table)));
            }
        }
    }

    /// What an item is; refuses a lease that cannot be understood.
    pub(super) fn read(&self, item: &Item) -> Result<Found, StoreError> {
        item::read(item, &self.own, self.keys()).map_err(|why| {
            let key = item.get(item::KEY).and_then(|key| key.as_s().ok()).map_or("", String::as_str);
            StoreError::Halt(format!("lease {key} in table {} cannot be used: {why}", self.table))
        })
    }

    /// Creates a row; one that exists stays as it is.
    pub(super) async fn put(&self, row: &Row) -> Result<(), StoreError> {
        let request =
            self.client.put_item().table_name(&self.table).set_item(Some(item::fresh(row, &self.own, self.keys())));
        let request = request.condition_expression("attribute_not_exists(#key)");
        match Box::pin(request.expression_attribute_names("#key", item::KEY).send()).await {
            Err(error) if fault::code(&error) != CONFLICT => Err(self.failed("PutItem", &error)),
            _ => Ok(()),
        }
    }

    /// Writes what changes.
    pub(super) async fn update(&self, change: &Change) -> Result<Tried, StoreError> {
        let parts = Parts::of(change, &self.own);
        let request =
            self.client.update_item().table_name(&self.table).set_key(Some(item::key(&change.was.shard, self.keys())));
        let request = request.update_expression(parts.expression()).condition_expression(parts.condition);
        let request = request.set_expression_attribute_names(Some(parts.names));
        let request = request.set_expression_attribute_values(Some(parts.values));
        match Box::pin(request.return_values_on_condition_check_failure(AllOld).send()).await {
            Ok(_) => Ok(Tried::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(met)) => self.met(met.item()),
                _ => Err(self.failed("UpdateItem", &error)),
            },
        }
    }

    /// Removes a row.
    pub(super) async fn delete(&self, row: &Row) -> Result<Tried, StoreError> {
        let parts = Parts::if_still(row);
        let request =
            self.client.delete_item().table_name(&self.table).set_key(Some(item::key(&row.shard, self.keys())));
        let request = request.condition_expression(parts.condition);
        let request = request.set_expression_attribute_names(Some(parts.names));
        let request = request.set_expression_attribute_values(Some(parts.values));
        match Box::pin(request.return_values_on_condition_check_failure(AllOld).send()).await {
            Ok(_) => Ok(Tried::Done),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(met)) => self.met(met.item()),
                _ => Err(self.failed("DeleteItem", &error)),
            },
        }
    }

    /// Three writes whose condition never holds, of a key that no shard has.
    pub(super) async fn probe(&self) -> Vec<(&'static str, Result<(), StoreError>)> {
        const NEVER: &str = "attribute_exists(#key) AND attribute_not_exists(#key)";
        let key = aws_sdk_dynamodb::types::AttributeValue::S("essink-check".to_owned());
        let put = self.client.put_item().table_name(&self.table).item(item::KEY, key.clone());
        let put = put.condition_expression(NEVER).expression_attribute_names("#key", item::KEY);
        let update = self.client.update_item().table_name(&self.table).key(item::KEY, key.clone());
        let update = update.condition_expression(NEVER).expression_attribute_names("#key", item::KEY);
        let delete = self.client.delete_item().table_name(&self.table).key(item::KEY, key);
        let delete = delete.condition_expression(NEVER).expression_attribute_names("#key", item::KEY);
        let put = Box::pin(put.send()).await.map(drop);
        let update = Box::pin(update.send()).await.map(drop);
        let delete = Box::pin(delete.send()).await.map(drop);
        vec![
            ("PutItem", self.tried("PutItem", put)),
            ("UpdateItem", self.tried("UpdateItem", update)),
            ("DeleteItem", self.tried("DeleteItem", delete)),
        ]
    }

    fn tried<E, R>(&self, operation: &str, tried: Result<(), SdkError<E, R>>) -> Result<(), StoreError>
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug,
    {
        match tried {
            Err(error) if fault::code(&error) != CONFLICT => Err(self.failed(operation, &error)),
            _ => Ok(()),
        }
    }

    fn keys(&self) -> &Keys {
        self.keys.get().unwrap_or(&Keys::Shard)
    }

    fn met(&self, item: Option<&Item>) -> Result<Tried, StoreError> {
        let found = item.map(|item| self.read(item)).transpose()?;
        Ok(match found {
            Some(Found::Lease { row, .. }) => Tried::Met(row),
            Some(Found::Other) | None => Tried::Unlike,
        })
    }

    pub(super) fn failed<E, R>(&self, operation: &str, error: &SdkError<E, R>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug,
    {
        fault::judge(operation, &self.table, error)
    }
}

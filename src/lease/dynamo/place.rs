//! The table itself: found as KCL makes it, or made.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
};
use tokio::time::{Instant, sleep};

use super::DynamoTable;
use super::fault;
use super::item::KEY;
use crate::pipeline::ports::StoreError;

/// A table is made in seconds.
const MADE_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl DynamoTable {
    /// Makes the table, or checks that the one that is there is one of leases. Waits until it can be used, and says
    /// whether it was made now.
    pub async fn ensure_table(&self) -> Result<bool, StoreError> {
        let made = !self.has_table().await? && self.make().await?;
        let begun = Instant::now();
        loop {
            match self.describe().await?.and_then(|table| table.table_status) {
                // A table being changed serves as before.
                Some(TableStatus::Active | TableStatus::Updating) => return Ok(made),
                _ if begun.elapsed() < MADE_WITHIN => sleep(LOOK_EVERY).await,
                status => {
                    let status = status.as_ref().map_or("not there", TableStatus::as_str);
                    return Err(StoreError::Busy(format!(
                        "table {} is {status}, and not ACTIVE within {} s",
                        self.calls.table,
                        MADE_WITHIN.as_secs()
                    )));
                }
            }
        }
    }

    /// Whether the table is there; refuses one that cannot hold leases.
    pub async fn has_table(&self) -> Result<bool, StoreError> {
        let Some(found) = self.describe().await? else { return Ok(false) };
        let keys: Vec<_> = found.key_schema().iter().map(|key| (key.attribute_name(), key.key_type())).collect();
        let is_text = |attribute: &AttributeDefinition| {
            attribute.attribute_name() == KEY && *attribute.attribute_type() == ScalarAttributeType::S
        };
        match keys[..] == [(KEY, &KeyType::Hash)] && found.attribute_definitions().iter().any(is_text) {
            true => Ok(true),
            false => Err(StoreError::Halt(format!(
                "table {} is no table of leases, its key is not the text `{KEY}`: name another with --state dynamodb:TABLE",
                self.calls.table
            ))),
        }
    }

    async fn describe(&self) -> Result<Option<TableDescription>, StoreError> {
        let request = self.calls.client.describe_table().table_name(&self.calls.table);
        match Box::pin(request.send()).await {
            Ok(reply) => Ok(reply.table),
            Err(error) if fault::code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(self.calls.failed("DescribeTable", &error)),
        }
    }

    /// As KCL 3 makes it, without its index of owners, which KCL adds by itself. Says whether it was us.
    async fn make(&self) -> Result<bool, StoreError> {
        let wrong = |e: aws_sdk_dynamodb::error::BuildError| StoreError::Halt(e.to_string());
        let attribute = AttributeDefinition::builder().attribute_name(KEY).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(KEY).key_type(KeyType::Hash);
        let request = self.calls.client.create_table().table_name(&self.calls.table);
        let request = request.billing_mode(BillingMode::PayPerRequest);
        let request = request.attribute_definitions(attribute.build().map_err(wrong)?);
        match Box::pin(request.key_schema(key.build().map_err(wrong)?).send()).await {
            Ok(_) => Ok(true),
            // Another worker was faster.
            Err(error) if fault::code(&error) == "ResourceInUseException" => Ok(false),
            Err(error) => match self.calls.failed("CreateTable", &error) {
                StoreError::Halt(why) => Err(StoreError::Halt(format!(
                    "table {} does not exist and cannot be made: {why}; or make it first, with essink init-templates or with the text `{KEY}` as its only key",
                    self.calls.table
                ))),
                busy => Err(busy),
            },
        }
    }
}

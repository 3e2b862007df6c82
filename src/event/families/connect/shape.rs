//! What the template knows of a contact record.

use crate::event::rewrite::Shape;

/// A record.
pub const RECORD: Shape = Shape::Holds(&[
    ("AWSAccountId", Shape::Scalar),
    ("AWSContactTraceRecordFormatVersion", Shape::Scalar),
    ("InstanceARN", Shape::Scalar),
    ("ContactId", Shape::Scalar),
    ("InitialContactId", Shape::Scalar),
    ("PreviousContactId", Shape::Scalar),
    ("NextContactId", Shape::Scalar),
    ("RelatedContactId", Shape::Scalar),
    ("ContactAssociationId", Shape::Scalar),
    ("CustomerId", Shape::Scalar),
    ("Channel", Shape::Scalar),
    ("InitiationMethod", Shape::Scalar),
    ("DisconnectReason", Shape::Scalar),
    ("AnsweringMachineDetectionStatus", Shape::Scalar),
    ("InitiationTimestamp", Shape::Scalar),
    ("ConnectedToSystemTimestamp", Shape::Scalar),
    ("DisconnectTimestamp", Shape::Scalar),
    ("LastUpdateTimestamp", Shape::Scalar),
    ("ScheduledTimestamp", Shape::Scalar),
    ("LastPausedTimestamp", Shape::Scalar),
    ("LastResumedTimestamp", Shape::Scalar),
    ("TransferCompletedTimestamp", Shape::Scalar),
    ("AgentConnectionAttempts", Shape::Scalar),
    ("TotalPauseCount", Shape::Scalar),
    ("TotalPauseDurationInSeconds", Shape::Scalar),
    ("Attributes", Shape::Free),
    ("Tags", Shape::Free),
    ("ContactDetails", Shape::Free),
    ("Campaign", Shape::Holds(&[("CampaignId", Shape::Scalar)])),
    ("CustomerEndpoint", ENDPOINT),
    ("SystemEndpoint", ENDPOINT),
    ("TransferredToEndpoint", ENDPOINT),
    ("Agent", AGENT),
    (
        "Queue",
        Shape::Holds(&[
            ("ARN", Shape::Scalar),
            ("Name", Shape::Scalar),
            ("EnqueueTimestamp", Shape::Scalar),
            ("DequeueTimestamp", Shape::Scalar),
            ("Duration", Shape::Scalar),
        ]),
    ),
    ("Recording", RECORDING),
    ("Recordings", RECORDING),
    ("MediaStreams", Shape::Holds(&[("Type", Shape::Scalar)])),
    ("DisconnectDetails", Shape::Holds(&[("PotentialDisconnectIssue", Shape::Scalar)])),
    (
        "CustomerVoiceActivity",
        Shape::Holds(&[("GreetingStartTimestamp", Shape::Scalar), ("GreetingEndTimestamp", Shape::Scalar)]),
    ),
]);

const ENDPOINT: Shape = Shape::Holds(&[("Address", Shape::Scalar), ("Type", Shape::Scalar)]);

const AGENT: Shape = Shape::Holds(&[
    ("ARN", Shape::Scalar),
    ("Username", Shape::Scalar),
    ("ConnectedToAgentTimestamp", Shape::Scalar),
    ("AcceptedByAgentTimestamp", Shape::Scalar),
    ("PreviewEndTimestamp", Shape::Scalar),
    ("AfterContactWorkStartTimestamp", Shape::Scalar),
    ("AfterContactWorkEndTimestamp", Shape::Scalar),
    ("AfterContactWorkDuration", Shape::Scalar),
    ("AgentInteractionDuration", Shape::Scalar),
    ("AgentInitiatedHoldDuration", Shape::Scalar),
    ("AgentPauseDuration", Shape::Scalar),
    ("CustomerHoldDuration", Shape::Scalar),
    ("LongestHoldDuration", Shape::Scalar),
    ("NumberOfHolds", Shape::Scalar),
    ("RoutingProfile", Shape::Holds(&[("ARN", Shape::Scalar), ("Name", Shape::Scalar)])),
]);

const RECORDING: Shape = Shape::Holds(&[
    ("Type", Shape::Scalar),
    ("Status", Shape::Scalar),
    ("Location", Shape::Scalar),
    ("DeletionReason", Shape::Scalar),
    ("StorageType", Shape::Scalar),
    ("MediaStreamType", Shape::Scalar),
    ("ParticipantType", Shape::Scalar),
    ("StartTimestamp", Shape::Scalar),
    ("StopTimestamp", Shape::Scalar),
    ("FragmentStartNumber", Shape::Scalar),
    ("FragmentStopNumber", Shape::Scalar),
]);

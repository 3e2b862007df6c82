import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * Reads a stream with KCL: STREAM TABLE KINESIS_URL DYNAMODB_URL MOST.
 *
 * Says "at SHARD SEQUENCE SUB" for where each shard begins and "record SHARD SEQUENCE SUB DATA" for each record. Makes a
 * checkpoint after the MOST-th record of a shard and takes no more of it; ends when standard input does, with a checkpoint
 * after the last record of each shard that had fewer.
 */
public final class Consumer {
    private static long most;
    private static final Map<String, Long> TAKEN = new ConcurrentHashMap<>();

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static final class Processor implements ShardRecordProcessor {
        private String shard;
        private KinesisClientRecord last;

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            var from = input.extendedSequenceNumber();
            say("at " + shard + " " + from.sequenceNumber() + " " + from.subSequenceNumber());
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            for (KinesisClientRecord record : input.records()) {
                long taken = TAKEN.merge(shard, 1L, Long::sum);
                if (taken > most) {
                    return;
                }
                byte[] data = new byte[record.data().remaining()];
                record.data().get(data);
                String where = record.sequenceNumber() + " " + record.subSequenceNumber();
                say("record " + shard + " " + where + " " + new String(data, StandardCharsets.UTF_8));
                last = record;
                if (taken == most) {
                    checkpoint(input.checkpointer(), record);
                }
            }
        }

        private void checkpoint(RecordProcessorCheckpointer checkpointer, KinesisClientRecord record) {
            try {
                checkpointer.checkpoint(record.sequenceNumber(), record.subSequenceNumber());
                say("checkpoint " + shard + " " + record.sequenceNumber() + " " + record.subSequenceNumber());
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            say("lost " + shard);
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            try {
                input.checkpointer().checkpoint();
                say("end " + shard);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            if (last != null && TAKEN.get(shard) < most) {
                checkpoint(input.checkpointer(), last);
            }
            say("stopping " + shard);
        }
    }

    public static void main(String[] args) throws Exception {
        String stream = args[0];
        String table = args[1];
        URI kinesisUrl = URI.create(args[2]);
        URI dynamoUrl = URI.create(args[3]);
        most = Long.parseLong(args[4]);
        var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
        var http = NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).build();
        Region region = Region.US_EAST_1;
        KinesisAsyncClient kinesis = KinesisAsyncClient.builder().endpointOverride(kinesisUrl).region(region)
                .credentialsProvider(credentials).httpClient(http).build();
        DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder().endpointOverride(dynamoUrl).region(region)
                .credentialsProvider(credentials).httpClient(http).build();
        // Never asked: metrics are off.
        CloudWatchAsyncClient watch = CloudWatchAsyncClient.builder().endpointOverride(dynamoUrl).region(region)
                .credentialsProvider(credentials).httpClient(http).build();
        var start = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
        var configs = new ConfigsBuilder(new SingleStreamTracker(stream, start), table, kinesis, dynamo, watch,
                "kcl-" + UUID.randomUUID(), Processor::new);
        var leases = configs.leaseManagementConfig().failoverTimeMillis(3000);
        leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
        var retrieval = configs.retrievalConfig().retrievalSpecificConfig(new PollingConfig(stream, kinesis));
        Scheduler scheduler = new Scheduler(configs.checkpointConfig(), configs.coordinatorConfig(), leases,
                configs.lifecycleConfig(), configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(), retrieval);
        Thread thread = new Thread(scheduler, "scheduler");
        thread.setDaemon(true);
        thread.start();
        while (System.in.read() >= 0) {
            // Until whoever started this wants it to end.
        }
        boolean graceful = scheduler.startGracefulShutdown().get(60, TimeUnit.SECONDS);
        say("stopped " + graceful);
        System.exit(0);
    }
}

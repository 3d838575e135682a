package tuplecast.compat;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.header.Headers;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Last in a connector's chain: all its records go to one topic, with the topic they were meant for and their number in
 * two headers more. So a connector costs the broker one topic, and its records can be put into the order in which it made them.
 */
public class Funnel<R extends ConnectRecord<R>> implements Transformation<R> {
    private final AtomicLong next = new AtomicLong();
    private String topic;

    @Override
    public void configure(Map<String, ?> properties) {
        topic = (String) properties.get("topic");
    }

    @Override
    public R apply(R r) {
        Headers headers = r.headers().duplicate();
        headers.addString("funnel.topic", r.topic());
        headers.addString("funnel.number", Long.toString(next.getAndIncrement()));
        return r.newRecord(topic, r.kafkaPartition(), r.keySchema(), r.key(), r.valueSchema(), r.value(), r.timestamp(), headers);
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef().define("topic", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "where all records go");
    }

    @Override
    public void close() {
    }
}

#!/usr/bin/env python3
"""Prints the records of customers.public.users and customers.public.orders, one JSON line each.

    consumer.py [--brokers HOST:PORT] [--count N] [TOPIC ...]
"""
import argparse
import json
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException

TOPICS = ["customers.public.users", "customers.public.orders"]


def decode(data):
    """A tombstone has no value and a table without a key no key."""
    return None if data is None else json.loads(data)


def line(message):
    return json.dumps({
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": decode(message.key()),
        "message": decode(message.value()),
        "timestamp": message.timestamp()[1],
    }, ensure_ascii=False)


def main():
    parser = argparse.ArgumentParser(description="prints the records of a pipeline")
    parser.add_argument("--brokers", default="localhost:9092")
    parser.add_argument("--group", default="pipeline-a")
    parser.add_argument("--count", type=int, help="end after so many records")
    parser.add_argument("topics", nargs="*", default=TOPICS)
    args = parser.parse_args()

    consumer = Consumer({
        "bootstrap.servers": args.brokers,
        "group.id": args.group,
        "auto.offset.reset": "earliest",
        # topics that appear later are found this soon
        "topic.metadata.refresh.interval.ms": 1000,
    })
    consumer.subscribe(args.topics)
    seen = 0
    try:
        while args.count is None or seen < args.count:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise KafkaException(message.error())
            print(line(message), flush=True)
            seen += 1
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


if __name__ == "__main__":
    sys.exit(main())

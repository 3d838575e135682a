"""The checker itself: each kind of fault, made on purpose, must be reported."""
import dataclasses
import json

import pytest

from harness.kafka import Record, java_partition, murmur2
from harness.ledger import duplicates, faults
from harness.wait import TimedOut, wait_until


def record(offset, table, lsn, row):
    headers = (("__lsn", str(lsn).encode()), ("__ordinal", b"1"), ("__part", b"0"))
    return Record(f"p.public.{table}", 0, offset, json.dumps({"id": row["id"]}).encode(), json.dumps(row).encode(), headers, 0)


@pytest.fixture
def good():
    accounts = [record(i, "account", 100 + i, {"id": 1, "ver": i + 1}) for i in range(5)]
    ledger = [record(i, "ledger", 200 + i, {"id": i}) for i in range(4)]
    return accounts + ledger


def verdict(records):
    return faults(records, {1: 5}, {0, 1, 2, 3})


def test_good_records_have_no_fault(good):
    assert verdict(good) == []


def test_a_repeated_suffix_is_allowed_and_counted(good):
    again = [dataclasses.replace(r, offset=5 + i) for i, r in enumerate(good[2:5])]
    assert verdict(good + again) == []
    assert duplicates(good + again) == 3


def test_a_lost_row_is_reported(good):
    assert verdict(good[:-1])


@pytest.mark.parametrize("lost", range(5))
def test_a_lost_version_is_reported(good, lost):
    assert verdict(good[:lost] + good[lost + 1:])


def test_swapped_records_are_reported(good):
    good[1], good[2] = dataclasses.replace(good[1], offset=2), dataclasses.replace(good[2], offset=1)
    assert verdict(good)


def test_an_incomplete_repetition_is_reported(good):
    assert verdict(good + [dataclasses.replace(good[2], offset=9)])


def test_a_changed_value_is_reported(good):
    assert verdict(good + [dataclasses.replace(good[-1], offset=9, value=b'{"id":3,"n":7}')])


def test_a_row_of_an_aborted_transaction_is_reported(good):
    assert verdict(good + [record(9, "ledger", 300, {"id": 77})])


def test_a_wrong_key_is_reported(good):
    good[0] = dataclasses.replace(good[0], key=b'{"id":2}')
    assert verdict(good)


def test_a_key_on_two_partitions_is_reported(good):
    good[4] = dataclasses.replace(good[4], partition=1)
    assert verdict(good)


# org.apache.kafka.common.utils.UtilsTest.testMurmur2
@pytest.mark.parametrize("data,signed", [
    (b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829), (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971), (b"abc", 479470107),
])
def test_murmur2_is_that_of_the_java_client(data, signed):
    assert murmur2(data) == signed % 2**32
    assert java_partition(data, 7) == (signed & 0x7FFFFFFF) % 7


def test_waiting_begins_anew_with_each_progress():
    count = iter(range(1000))
    left = 3

    def condition():
        nonlocal left
        left -= 1
        return left < 0
    wait_until(condition, 0, progress=lambda: next(count), interval=0)
    with pytest.raises(TimedOut):
        wait_until(lambda: False, 0, progress=lambda: 7, interval=0)

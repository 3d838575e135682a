"""Signals by each channel, and what becomes of them."""
import json

import pytest

from harness.wait import wait_until


@pytest.mark.sanitize
def test_signals_by_sql(db, run):
    """By tuplecast.signal() and by Debezium's table, neither of them captured; what is no signal does no harm."""
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE sig (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048))")
    shipper = run(db, "--table.include.list=no.thing", "--signal.data.collection=public.sig")
    db.sql("SELECT tuplecast.signal('log', '{\"message\":\"first at {}\"}', 'one')")
    shipper.wait_log(r"a signal says message=\"first at [0-9A-F]+/[0-9A-F]+\" id=one")
    db.sql("INSERT INTO sig VALUES ('two', 'log', '{\"message\":\"second\"}')")
    shipper.wait_log(r"a signal says message=second id=two")
    db.sql("SELECT tuplecast.signal('no-such-thing'), tuplecast.signal('log', '{'), tuplecast.signal('execute-snapshot', '{\"data-collections\":[]}')")
    shipper.wait_log(r"a signal's type is not known: ignored type=no-such-thing")
    shipper.wait_log(r"a signal was ignored .*type=log")
    shipper.wait_log(r"a signal was ignored .*missing or empty.*type=execute-snapshot")
    # a signal is a transaction like any other: confirmed, and not acted on again
    db.wait_confirmed()
    shipper.stop()
    again = run(db, "--table.include.list=no.thing", "--signal.data.collection=public.sig")
    db.sql("SELECT tuplecast.signal('log', '{\"message\":\"third\"}')")
    again.wait_log("a signal says message=third")
    assert "first at" not in again.log()

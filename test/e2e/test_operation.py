"""The page a monitoring system reads, and logs."""
import re
import socket

from harness.wait import wait_until

TABLE = "CREATE TABLE t (id serial PRIMARY KEY, secret text)"


def test_metrics_count_what_happened(db, run, broker):
    db.sql(TABLE)
    shipper = run(db)
    db.sql("INSERT INTO t (secret) VALUES ('a'), ('b')")
    db.sql("UPDATE t SET secret = 'c' WHERE id = 1")
    db.sql("DELETE FROM t WHERE id = 2")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(5)
    db.wait_confirmed()
    wait_until(lambda: shipper.metric("records_acked_total") == 5)
    m = shipper.metrics()
    expected = {"records_total": 5, "creates_total": 2, "updates_total": 1, "deletes_total": 1, "tombstones_total": 1,
                "transactions_total": 3, "source_connected": 1, "sink_connected": 1, "ready": 1, "queue_records": 0, "queue_bytes": 0,
                "source_reconnects_total": 0}
    assert {k: m[f"tuplecast_{k}"] for k in expected} == expected
    assert m["tuplecast_record_bytes_total"] == sum(len(r.key) + len(r.value or b"") for r in reader.records)
    assert m["tuplecast_confirmed_lsn_bytes"] <= m["tuplecast_server_lsn_bytes"]
    assert m["tuplecast_last_commit_timestamp_seconds"] > m["tuplecast_start_timestamp_seconds"] - 5


def test_lag_grows_while_the_broker_is_away_and_falls_again(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    shipper = run(db, kafka=broker)
    db.sql("INSERT INTO t (secret) VALUES ('a')")
    db.wait_confirmed()
    broker.pause()
    db.sql("INSERT INTO t (secret) VALUES ('b')")
    shipper.wait_metric("lag_seconds", lambda s: s > 1)
    assert shipper.metric("queue_records") == 1
    broker.resume()
    shipper.wait_metric("lag_seconds", lambda s: s == 0)
    shipper.wait_metric("queue_records", lambda n: n == 0)


def test_paths_and_methods(db, run):
    shipper = run(db)
    assert shipper.get("/livez")[0] == 200
    assert shipper.get("/readyz")[0] == 200
    assert shipper.get("/nothing")[0] == 404
    with socket.create_connection(("127.0.0.1", shipper.http_port), 10) as s:
        s.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert b" 405 " in s.recv(100)
    # junk does not harm it
    with socket.create_connection(("127.0.0.1", shipper.http_port), 10) as s:
        s.sendall(b"\x00\xff" * 1000)
        s.shutdown(socket.SHUT_WR)
        s.recv(1000)
    assert shipper.get("/livez")[0] == 200


def test_it_listens_on_the_loopback_alone(db, run):
    shipper = run(db)
    listening = [line.split()[1] for line in open(f"/proc/{shipper.pid}/net/tcp").read().splitlines()[1:] if line.split()[3] == "0A"]
    port = f"{shipper.http_port:04X}"
    assert [a for a in listening if a.endswith(":" + port)] == [f"0100007F:{port}"]


def test_not_ready_while_the_server_is_away(make_cluster, make_db, run):
    server = make_cluster()
    db = make_db(server)
    shipper = run(db)
    server.stop()
    wait_until(lambda: shipper.get("/readyz")[0] == 503)
    assert shipper.get("/livez")[0] == 200
    assert shipper.metric("source_connected") == 0
    server.start()
    shipper.wait_ready()


def test_logs_hold_no_row_data(db, run, broker):
    db.sql(TABLE)
    shipper = run(db, "--log.level=debug")
    db.sql("INSERT INTO t (secret) VALUES ('xyzzy-plugh')")
    db.sql("UPDATE t SET secret = 'plugh-xyzzy'")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(2)
    shipper.stop()
    assert "xyzzy" not in shipper.log()


def test_http_can_be_turned_off(db, run, broker):
    db.sql(TABLE)
    run(db, http=False, wait=False)
    wait_until(db.slot_active)
    db.sql("INSERT INTO t (secret) VALUES ('a')")
    with broker.reader(db.topic("t")) as reader:
        reader.read_count(1)


def test_version_and_help(command):
    code, out, _ = command("version")
    assert code == 0 and re.search(r"\d+\.\d+\.\d+", out)
    code, out, err = command("--help")
    assert code == 0 and "run" in out and "check" in out
    code, out, err = command("no-such-command")
    assert code == 2 and "no-such-command" in err

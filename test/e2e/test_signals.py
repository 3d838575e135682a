"""Signals by each channel, and what becomes of them."""
import json

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

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


SIGNAL = '{"id":"%s","type":"log","data":{"message":"%s"}}'


def test_signals_by_file(db, run, tmp_path):
    """Lines are acted on once, the file is empty then; one that is being written waits; what is broken is told."""
    file = tmp_path / "signals"
    shipper = run(db, "--signal.enabled.channels=file", f"--signal.file={file}", "--signal.poll.interval.ms=50")
    file.write_text(SIGNAL % ("f1", "one") + "\n\nbroken\n" + SIGNAL % ("f2", "two") + "\r\n")
    shipper.wait_log("a signal says message=two id=f2")
    shipper.wait_log("a signal says message=one id=f1")
    shipper.wait_log("a signal was ignored .*channel=file")
    wait_until(lambda: file.read_text() == "")
    file.write_text(SIGNAL % ("f3", "three"))
    shipper.wait_log("a signal says message=three id=f3")
    # signals by SQL were not asked for
    db.sql("CREATE EXTENSION tuplecast")
    db.sql("SELECT tuplecast.signal('log', '{\"message\":\"sql\"}')")
    db.wait_confirmed()
    file.unlink()
    file.mkdir()
    shipper.wait_log("signal.file .* cannot be opened")
    assert shipper.log().count("message=one") == 1 and "message=sql" not in shipper.log()


def test_signals_by_topic(db, run, broker):
    """Those with our prefix as their key, in order, also those of a time when nobody ran; each once."""
    topic = f"{db.prefix}-signal"
    broker.create_topic(topic)
    producer = Producer({"bootstrap.servers": broker.address})

    def send(key, name):
        producer.produce(topic, SIGNAL % (name, name), key)
        producer.flush()

    send(db.prefix, "before")
    shipper = run(db, "--signal.enabled.channels=source,kafka")
    shipper.wait_log("a signal says message=before")
    send("somebody", "foreign")
    send(db.prefix, "second")
    shipper.wait_log("a signal says message=second")
    assert "message=foreign" not in shipper.log()
    shipper.wait_log("a signal of the topic is for somebody else")
    shipper.stop()
    send(db.prefix, "between")
    again = run(db, "--signal.enabled.channels=source,kafka")
    again.wait_log("a signal says message=between")
    assert "message=second" not in again.log()


def test_a_setting_of_the_consumer_that_cannot_be(db, command, broker):
    """Told at the start, by run and by check."""
    args = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}", "--signal.enabled.channels=kafka",
            "--signal.consumer.isolation.level=dirty")
    code, _, err = command("run", *args)
    assert code == 2 and "signal.consumer.isolation.level" in err, err
    code, out, _ = command("check", *args)
    assert code == 2 and "signal.consumer.isolation.level" in out, out


def test_snapshots_by_signals_under_exactly_once(db, run, broker):
    """By SQL, killed behind a chunk, and by a topic: each row once for each signal, and no signal is acted on again."""
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 9)")
    topic = f"{db.prefix}-signal"
    broker.create_topic(topic)
    options = ("--delivery=exactly-once", "--table.include.list=public.a", "--signal.enabled.channels=source,kafka", "--incremental.snapshot.chunk.size=2",
               "--commit.interval.ms=50", "--add.headers=op")
    data = '{"data-collections":["public.a"]}'
    shipper = run(db, *options, env={"TUPLECAST_FAILPOINT": "after_chunk:kill:2"})
    db.sql("SELECT tuplecast.signal('execute-snapshot', %s, 's1')", (data,))
    assert shipper.wait_exit(60) == -9
    shipper = run(db, *options)
    shipper.wait_log("an incremental snapshot is complete id=s1")
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce(topic, '{"id":"s2","type":"execute-snapshot","data":%s}' % data, db.prefix)
    producer.flush()
    shipper.wait_log("an incremental snapshot is complete id=s2")
    db.sql("INSERT INTO a VALUES (10)")
    with broker.reader(db.topic("a")) as reader:
        reader.read_until(lambda records: any(r.k == '{"id":10}' for r in records))
        assert [json.loads(r.k)["id"] for r in reader.read_all() if r.header("__op") == b"r"] == 2 * list(range(1, 10))
        group = Consumer({"bootstrap.servers": broker.address, "group.id": "kafka-signal"})
        wait_until(lambda: group.committed([TopicPartition(topic, 0)], 30)[0].offset == 1, what="the topic is read up to its end, and that is stored")
        group.close()
        shipper.stop()
        shipper = run(db, *options)
        producer.produce(topic, SIGNAL % ("s3", "third"), db.prefix)
        producer.flush()
        shipper.wait_log("a signal says message=third")
        db.sql("SELECT tuplecast.signal('log', '{\"message\":\"fourth\"}'); INSERT INTO a VALUES (11)")
        shipper.wait_log("a signal says message=fourth")
        reader.read_until(lambda records: any(r.k == '{"id":11}' for r in records))
        assert len(reader.read_all()) == 20 and "asks for a snapshot" not in shipper.log()


KEY_SCHEMA = ('{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false,'
              '"name":"io.debezium.connector.common.NotificationKey","version":1}')
VALUE_SCHEMA = ('{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"string","optional":false,"field":"type"},'
                '{"type":"string","optional":false,"field":"aggregate_type"},{"type":"map","keys":{"type":"string","optional":false},'
                '"values":{"type":"string","optional":false},"optional":true,"field":"additional_data"},'
                '{"type":"int64","optional":false,"field":"timestamp"}],"optional":false,"name":"io.debezium.connector.common.Notification","version":1}')


def test_notifications_of_the_initial_snapshot(db, run, broker):
    """The records that Debezium 3.6.1 wrote for the same tables, but for ids and times."""
    db.sql("""CREATE EXTENSION tuplecast; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 5);
        CREATE TABLE c (id int PRIMARY KEY)""")
    notes = f"{db.prefix}-notes"
    options = ("--snapshot.mode=initial", "--notification.enabled.channels=sink,log", f"--notification.sink.topic.name={notes}",
               "--key.schemas.enable=true", "--value.schemas.enable=true", "--snapshot.max.threads=1", "--headers.identity=false")
    shipper = run(db, *options)
    with broker.reader(notes) as reader:
        records = reader.read_until(lambda found: any('"COMPLETED"' in r.v for r in found))
    both = '"data_collections":"public.a,public.c"'
    expected = [("STARTED", ""), ("IN_PROGRESS", '"current_collection_in_progress":"public.a",'),
                ("TABLE_SCAN_COMPLETED", '"scanned_collection":"public.a",'), ("IN_PROGRESS", '"current_collection_in_progress":"public.c",'),
                ("TABLE_SCAN_COMPLETED", '"scanned_collection":"public.c",'), ("COMPLETED", "")]
    tails = ["", f",{both}", f',"total_rows_scanned":"5",{both},"status":"SUCCEEDED"', f",{both}",
             f',"total_rows_scanned":"0",{both},"status":"SUCCEEDED"', ""]
    wanted = [f'"type":"{kind}","aggregate_type":"Initial Snapshot","additional_data":{{{head}"connector_name":"{db.prefix}"{tail}}}'
              for (kind, head), tail in zip(expected, tails)]
    seen = []
    for r in records:
        note = json.loads(r.v)["payload"]
        uuid, at = note["id"], note["timestamp"]
        assert r.k == f'{{"schema":{KEY_SCHEMA},"payload":{{"id":"{uuid}"}}}}' and r.headers == ()
        start, end = f'{{"schema":{VALUE_SCHEMA},"payload":{{"id":"{uuid}",', f',"timestamp":{at}}}}}'
        assert r.v.startswith(start) and r.v.endswith(end)
        seen.append(r.v[len(start):-len(end)])
    # two tables may be read at once, in one thread too
    assert sorted(seen) == sorted(wanted) and (seen[0], seen[-1]) == (wanted[0], wanted[-1])
    shipper.wait_log("notification aggregate=\"Initial Snapshot\" type=COMPLETED")
    # the next start has nothing to read, and says so
    shipper.stop()
    run(db, *options).wait_log("notification aggregate=\"Initial Snapshot\" type=SKIPPED")


def test_commands(db, run, command):
    """snapshot sends a signal with the rights of the one who asks; status tells of slot and shipper."""
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY)")
    shipper = run(db)
    options = ("--source", db.url, "--prefix", db.prefix, f"--slot.name={db.slot}", f"--http.listen=127.0.0.1:{shipper.http_port}")
    code, out, err = command("snapshot", "start", "public.t", "--where", "id > 'x\\'''::text", *options)
    assert code == 0 and out.startswith("sent the signal "), (out, err)
    shipper.wait_log("channel=source")
    ((kind, data),) = db.sql("SELECT type, data FROM tuplecast.signals")
    assert kind == "execute-snapshot"
    assert json.loads(data) == {"data-collections": ["public.t"], "type": "incremental",
                                "additional-conditions": [{"data-collection": "public.t", "filter": "id > 'x\\'''::text"}]}
    for table, hint in (("public.none", "SCHEMA.TABLE"), ("(", "invalid regular expression")):
        code, out, err = command("snapshot", "start", table, *options)
        assert code != 0 and out == "" and hint in err, err
    code, out, err = command("snapshot", "pause", "--json", *options)
    assert code == 0 and json.loads(out)["streamed"] is True
    assert db.value("SELECT type FROM tuplecast.signals WHERE id = %s", (json.loads(out)["id"],)) == "pause-snapshot"
    shipper.wait_log("a signal was acted on type=pause-snapshot")
    wait_until(lambda: json.loads(command("snapshot", "status", "--json", *options)[1])["incremental"]["running"] is False)
    assert command("snapshot", "start")[0] == 2 and command("snapshot", "sing")[0] == 2
    # a role without the right is told which one
    nobody = f"nobody_{db.name}"
    db.sql(f"CREATE ROLE {nobody} LOGIN")
    try:
        code, out, err = command("snapshot", "stop", "--source", db.cluster.url(db.name, nobody), "--prefix", db.prefix)
        assert code == 3 and "GRANT EXECUTE ON FUNCTION tuplecast.signal TO" in err, err
        code, out, err = command("status", "--json", *options)
    finally:
        db.sql(f"DROP ROLE {nobody}")
    seen = json.loads(out)
    assert seen["slot"]["active"] and seen["slot"]["lag_bytes"] >= 0 and seen["slot"]["plugin"] == "tuplecast"
    assert seen["shipper"]["state"] == "streaming" and seen["shipper"]["records_per_second"] >= 0
    shipper.stop()
    code, out, err = command("status", *options)
    assert code == 0 and "nobody streams it" in out and "no shipper answers" in out, (out, err)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_status_of_what_is_stored(db, run, broker, command, delivery):
    """Without a shipper: the position, and the snapshots that nobody goes on with. Nothing is made, and nobody is fenced."""
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 400); CREATE TABLE u (id int PRIMARY KEY)")
    topic = f"__tuplecast-position.{db.prefix}.{db.slot}"
    where = ("--source", db.url, "--kafka", broker.address, "--prefix", db.prefix, f"--slot.name={db.slot}", f"--delivery={delivery}", "--http.listen=127.0.0.1:1")

    def stored(*args, verb=("status",)):
        code, out, err = command(*verb, *where, *args)
        assert code == 0, err
        return out

    assert json.loads(stored("--json"))["stored"] == {"topic": topic, "position": None}
    assert f"no position in {topic}" in stored() and topic not in broker.topics()
    options = (f"--delivery={delivery}", "--incremental.snapshot.chunk.size=10", "--commit.interval.ms=50")
    shipper = run(db, *options, env={"TUPLECAST_FAILPOINT": "after_chunk:sleep=200"})
    signal = '{"data-collections":["public.t","public.u"]}'
    db.sql("SELECT tuplecast.signal('execute-snapshot', %s, 's1')", (signal,))
    shipper.wait_metric("incremental_snapshot_chunks_total", lambda n: n > 0)
    db.sql("SELECT tuplecast.signal('pause-snapshot')")
    shipper.wait_metric("incremental_snapshot_paused", lambda n: n == 1)
    shipper.stop()
    found = json.loads(stored("--json"))["stored"]
    assert found["topic"] == topic and found["generation"] > 0 and found["open"] is None and found["snapshot"] is None
    high, low = found["position"].split("/")
    assert (int(high, 16) << 32) + int(low, 16) >= db.confirmed() > 0
    inc = found["incremental"]
    assert inc["paused"] is True and inc["requests"] == 0 and [t["name"] for t in inc["tables"]] == ["public.t", "public.u"]
    done, rest = inc["tables"]
    assert done["id"] == "s1" and done["max"] == ["400"] and 0 < done["rows"] < 400 and done["last"] == [str(done["rows"])] and rest["last"] is None
    text = stored()
    assert f"position {found['position']}, generation {found['generation']}" in text, text
    assert f"incremental snapshot (paused): 2 tables and 0 requests left; of public.t {done['rows']} rows are put, up to {done['rows']} of 400" in text, text
    of_snapshots = stored("--json", verb=("snapshot", "status"))
    assert json.loads(of_snapshots)["stored"] == found and json.loads(of_snapshots)["incremental"] is None
    text = stored(verb=("snapshot", "status"))
    assert "no shipper answers" in text and "incremental snapshot (paused): 2 tables" in text and "slot " not in text, text
    # it went on with what it had: nobody took the position for its own
    shipper = run(db, *options)
    assert "stored" not in json.loads(command("status", "--json", *where, f"--http.listen=127.0.0.1:{shipper.http_port}")[1])
    db.sql("SELECT tuplecast.signal('resume-snapshot')")
    shipper.wait_log("an incremental snapshot is complete id=s1")
    shipper.stop()
    assert json.loads(stored("--json"))["stored"]["incremental"] is None


def test_a_new_table_is_noticed(db, run):
    """One that comes to the captured ones while streaming; those of the start are not new, whenever they come up."""
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE n_old (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1), (2)")
    shipper = run(db, "--table.include.list=public.n_.*", "--snapshot.new.tables=log")
    db.sql("INSERT INTO n_old VALUES (1); ALTER TABLE other RENAME TO n_other; INSERT INTO n_other VALUES (3)")
    shipper.wait_log("a table is captured that was not at the start; .*table=public.n_other")
    db.sql("INSERT INTO n_other VALUES (4)")
    db.wait_confirmed()
    assert shipper.log().count("a table is captured") == 1


def test_every_channel_starts_a_snapshot(db, run, broker, command, tmp_path):
    """By SQL, by Debezium's table, by the command, by a topic and by a file; and what is told of them."""
    db.sql("""CREATE EXTENSION tuplecast; CREATE TABLE a (id int PRIMARY KEY, x text); INSERT INTO a SELECT g, 'x' FROM generate_series(1, 5) g;
        CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE sig (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048))""")
    notes, topic, file = f"{db.prefix}-notes", f"{db.prefix}-signal", tmp_path / "signals"
    broker.create_topic(topic)
    tables = "--table.include.list=public.(a|c)"
    run(db, tables, "--signal.enabled.channels=source,kafka,file", "--signal.data.collection=public.sig", f"--signal.file={file}",
        "--signal.poll.interval.ms=50", "--incremental.snapshot.chunk.size=2", "--notification.enabled.channels=sink",
        f"--notification.sink.topic.name={notes}", "--headers.identity=false")
    data = '{"data-collections":["public.a"],"type":"incremental","additional-conditions":[{"data-collection":"public.a","filter":"id <> 3"}]}'
    db.sql("SELECT tuplecast.signal('execute-snapshot', %s, 's1')", (data.replace('"public.a"]', '"public.a","public.c"]'),))
    with broker.reader(db.topic("a"), notes) as reader:
        def rows(count):
            found = reader.read_until(lambda seen: sum(r.topic == db.topic("a") for r in seen) >= count)
            return [json.loads(r.k)["id"] for r in found if r.topic == db.topic("a")]

        assert rows(4) == [1, 2, 4, 5]
        db.sql("INSERT INTO sig VALUES ('s2', 'execute-snapshot', %s)", (data,))
        assert rows(8)[4:] == [1, 2, 4, 5]
        producer = Producer({"bootstrap.servers": broker.address})
        producer.produce(topic, '{"id":"s3","type":"execute-snapshot","data":%s}' % data, db.prefix)
        producer.flush()
        assert rows(12)[8:] == [1, 2, 4, 5]
        file.write_text('{"id":"s4","type":"execute-snapshot","data":%s}\n' % data)
        assert rows(16)[12:] == [1, 2, 4, 5]
        code, out, err = command("snapshot", "start", "public.a", "--where=id > 3", "--source", db.url, "--prefix", db.prefix, f"--slot.name={db.slot}", tables)
        assert code == 0, err
        assert rows(18)[16:] == [4, 5]
        told = reader.read_until(lambda seen: sum(r.topic == notes and '"COMPLETED"' in r.v for r in seen) == 5)
    told = [r for r in told if r.topic == notes and r.k == '{"id":"s1"}']

    # as Debezium 3.6.1 wrote them, but for the tables that are left
    def note(kind, pairs, r):
        return (f'{{"id":"s1","type":"{kind}","aggregate_type":"Incremental Snapshot","additional_data":{{{pairs}}},'
                f'"timestamp":{json.loads(r.v)["timestamp"]}}}')

    name = f'"connector_name":"{db.prefix}"'
    left = [f'"data_collections":{json.dumps(json.loads(r.v)["additional_data"].get("data_collections"))}' for r in told]
    wanted = [("STARTED", f"{name},{left[0]}"),
              ("IN_PROGRESS", f'"current_collection_in_progress":"public.a",{name},"maximum_key":"5","last_processed_key":"2",{left[1]}'),
              ("IN_PROGRESS", f'"current_collection_in_progress":"public.a",{name},"maximum_key":"5","last_processed_key":"5",{left[2]}'),
              ("TABLE_SCAN_COMPLETED", f'"scanned_collection":"public.a",{name},"total_rows_scanned":"4",{left[3]},"status":"SUCCEEDED"'),
              ("TABLE_SCAN_COMPLETED", f'"scanned_collection":"public.c",{name},"total_rows_scanned":"0",{left[4]},"status":"EMPTY"'),
              ("COMPLETED", name)]
    assert [r.v for r in told] == [note(*w, r) for w, r in zip(wanted, told)] and len(told) == len(wanted)
    assert left[0] == '"data_collections": "public.a,public.c"'.replace(": ", ":", 1)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_table_that_came_while_nobody_ran(db, run, broker, delivery):
    """By its name or by the list; its rows are read once, also where the process that noticed it was killed before anything of it was stored."""
    db.sql("""CREATE EXTENSION tuplecast; CREATE TABLE n_old (id int PRIMARY KEY); INSERT INTO n_old VALUES (7);
        CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1), (2), (3); CREATE TABLE more (id int PRIMARY KEY); INSERT INTO more VALUES (8)""")
    options = ("--table.include.list=public.n_.*", "--snapshot.new.tables=incremental", f"--delivery={delivery}", "--commit.interval.ms=50")
    shipper = run(db, *options)

    def stored():
        with broker.reader(f"__tuplecast-position.{db.prefix}.{db.slot}") as reader:
            found = [json.loads(r.v)["tables"] for r in reader.read_all() if '"what":"tables"' in r.k]
        return found[-1] if found else None

    wait_until(lambda: stored() == ["public.n_old"], what=stored)
    shipper.stop()
    db.sql("ALTER TABLE other RENAME TO n_new")
    options = ("--table.include.list=public.n_.*,public.more", *options[1:])
    shipper = run(db, *options, wait=False, env={"TUPLECAST_FAILPOINT": "before_position:kill:1"})
    assert shipper.wait_exit(60) == -9
    shipper = run(db, *options)
    shipper.wait_log("a table is captured that was not when a process ran last.*table=public.n_new")
    with broker.reader(*(db.topic(t) for t in ("n_new", "n_old", "more"))) as reader:
        reader.read_until(lambda seen: {r.k for r in seen} == {'{"id":1}', '{"id":2}', '{"id":3}', '{"id":8}'})
        wait_until(lambda: stored() == ["public.more", "public.n_new", "public.n_old"], what=stored)
        shipper.stop()
        # now it is known
        shipper = run(db, *options)
        db.sql("INSERT INTO n_new VALUES (4)")
        records = reader.read_until(lambda seen: any(r.k == '{"id":4}' for r in seen))
        assert len(records) == 5 and "a table is captured" not in shipper.log()


def test_rows_of_a_new_table_are_published(db, run, broker):
    """Those that it had before it came to the captured ones, without a restart."""
    db.sql("CREATE EXTENSION tuplecast; CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1), (2)")
    run(db, "--table.include.list=public.n_.*", "--snapshot.new.tables=incremental")
    db.sql("ALTER TABLE other RENAME TO n_other; INSERT INTO n_other VALUES (3)")
    with broker.reader(db.topic("n_other")) as reader:
        reader.read_until(lambda seen: {json.loads(r.k)["id"] for r in seen} == {1, 2, 3})

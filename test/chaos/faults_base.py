"""What a fault is: a name, what it does, and what must come of it."""
ALL = {}


class Fault:
    """Subclasses register themselves. `run` does the fault and heals it; `finish` says what must hold then."""
    name = None
    group = ""
    modes = ("at-least-once", "exactly-once")
    outcome = "goes on by itself"
    repeats = True         # at-least-once may repeat what was under way
    stale = False          # at-least-once cannot fence: an old run may end anywhere
    gaps = False           # a batch may be given up when those behind it are written; all come again
    restartable = (1,)     # exit codes upon which a supervisor starts it again
    role = "postgres"
    load = {}
    quick = False          # in the part of the matrix that `make test` runs
    hidden = False         # no row of the matrix
    needs_namespace = False
    positions = True       # the position topic keeps all of its records
    moves = False          # keys change their partition
    partitions = 3
    topic_config = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            ALL[cls.name] = cls

    def make_pg(self, row):
        return None

    def make_kafka(self, row):
        return None

    def options(self, row):
        return []

    def prepare(self, row):
        pass

    def run(self, row):
        raise NotImplementedError

    def finish(self, row):
        row.finish()

    def ends(self, row, code):
        """Whether the end of the program is what this fault is about."""
        return False

    def clean(self, row):
        pass


class Named(Fault):
    """A fault of which the right outcome is that the program ends and says why."""
    code = 3
    pattern = "."

    ended = False

    def ends(self, row, code):
        self.ended = True
        return True

    def wait_end(self, row, timeout=60):
        row.wait(lambda: self.ended, timeout, what=f"the program ends with {self.code}")

    def finish(self, row):
        self.wait_end(row)
        row.load.stop()
        row.finish_ended(self.code, self.pattern)
        self.check_what_is_there(row)

    def check_what_is_there(self, row):
        """What was confirmed is in the topics, and nothing that was never committed."""
        records = row.read()
        reference = row.reference()
        confirmed = self.confirmed(row)
        row.judge(records, reference, None, complete=False)
        verdict = row.verdict
        row.judge([r for r in records if r.identity[0] <= confirmed], reference.until(confirmed), None)
        row.verdict = verdict

    def confirmed(self, row):
        return row.db.confirmed()

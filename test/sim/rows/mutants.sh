#!/usr/bin/env bash
# mutants.sh [NAME...]: the test of the simulator of snapshots. Each wrong shipper, made from the real one, must be caught within
# MUTANT_EPISODES (3000); those that take many start at a seed from which they do not.
set -uo pipefail
cd "$(dirname "$0")"
make -s all || exit 1
limit=${MUTANT_EPISODES:-3000}
shipper=../../../shipper
failed=0 caught=0
wanted=("$@")
includes=(-I. -I$shipper -I../../../decoder "-I$("${PG_CONFIG:-pg_config}" --includedir)")

# mutant NAME FILE PERL [SEED]: the source with one substitution, which must apply; all else is as it was built
mutant()
{
	local name=$1 file=$2 change=$3 dir=build/mutant-$1 object
	[ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	perl -0pe "$change" "$shipper/$file" >"$dir/$file"
	if cmp -s "$dir/$file" "$shipper/$file"; then
		echo "$name: FAILED: the change no longer applies to $file"
		failed=$((failed + 1))
		return
	fi
	object=core_${file%.c}.o
	# it stands in the process' own
	[ "$file" != loop.c ] || object=process.o
	if ! cc -O0 -std=gnu11 -D_GNU_SOURCE -DTUPLECAST_VERSION='"0.0.0"' "-I$dir" "${includes[@]}" -c -o "$dir/$object" \
		"$([ "$file" = loop.c ] && echo process.c || echo "$dir/$file")" >"$dir/log" 2>&1 ||
		! cc -o "$dir/sim-rows" "$dir/$object" $(ls build/*.o | grep -v "/$object\$") -ljansson -lpthread >>"$dir/log" 2>&1; then
		echo "$name: FAILED: does not compile"
		cat "$dir/log"
		failed=$((failed + 1))
		return
	fi
	if "$dir/sim-rows" --seed "${4:-1}" --episodes "$limit" >"$dir/out" 2>&1; then
		echo "$name: FAILED: not caught in $limit episodes"
		failed=$((failed + 1))
	else
		echo "$name: caught: $(grep -ao 'VIOLATION of .*' "$dir/out" | head -c 200)"
		caught=$((caught + 1))
	fi
}

# from the first snapshot to the stream
mutant puts_rows_before_the_plan_is_stored loop_snapshot.c 's/s->phase == SNAPSHOT_STORING && core_snapshot_stored\(&l->core\)/s->phase == SNAPSHOT_STORING/' 350
mutant takes_a_position_for_put core_position.c 's/\treturn next;/\tc->delivery.at.end_lsn = next->end_lsn;\n\tc->delivery.at.open = next->open;\n\treturn next;/' 150
mutant claims_what_is_being_read snapshot_plan.c 's/\(SnapshotSpan\)\{units\[i\]\.span\.first, units\[i\]\.next\}/units[i].span/'
mutant claims_before_it_is_acknowledged tracker.c 's/keep_snapshot\(n > 0 \? &tracker_at\(t, n - 1\)->snapshot : &t->snapshot,/keep_snapshot(\&t->snapshot,/'
mutant stores_no_progress core_position.c 's/if \(place\.snapshot != NULL &&\n\t\t\(next/if (false \&\& place.snapshot != NULL \&\&\n\t\t(next/'
mutant leaves_out_too_much snapshot_plan.c 's/t->lsn < floor\)\)\n\t\t\tfloor = t->lsn;/t->lsn > floor))\n\t\t\tfloor = t->lsn;/' 80
mutant leaves_out_what_is_not_in_it core.c 's/c->txn\.commit_lsn < c->current->floor_lsn/c->txn.commit_lsn < c->current->floor_lsn + 0x400/'
mutant forgets_the_first_round snapshot_plan.c 's/t->lsn == 0 \|\| \(p->exact/t->lsn == 0 || (true/' 100
mutant moves_on_over_deleted_rows loop_snapshot.c 's/s->plan\.had_rows \? core_position_lsn\(&l->core\)\s*: 0/s->plan.had_rows \&\& s->plan.count == 0 ? core_position_lsn(\&l->core) : 0/' 120
mutant does_not_look_for_young_rows snapshot_plan.c 's/snapshot_spans_copy\(&t->again, &t->done\);/;/' 470
mutant as_seen_though_values_are_missing snapshot_plan.c 's/t->older != 0 && t->whole && t->seen/t->older != 0 \&\& t->seen/; s/p->seen != NULL && t->whole/p->seen != NULL/' 470
mutant reads_twice_what_it_has snapshot_plan.c 's/t->as_seen = t->older != 0 && t->whole/t->as_seen = false \&\& t->whole/'
mutant goes_on_in_a_rewritten_table snapshot_plan.c 's/t->node != 0 && t->node != node && !t->complete/false/' 140
mutant forgets_what_was_put_when_a_round_is_lost loop_snapshot.c 's/\tfor \(size_t i = 0; i < n; i\+\+\)\n\t\tsnapshot_plan_cut\(&active\[i\]\);//; s/\tloop_snapshot_progress\(l\);\n\tend_round\(s\);/\tend_round(s);/' 55
# beside the stream
mutant no_barrier incremental_window.c 's/return inc->waiting_xid != 0;/return false;/'
mutant does_not_ask_what_was_before incremental_window.c 's/inc->unknown = true;/inc->unknown = false;/'
mutant takes_all_that_runs_for_idle incremental.c 's/if \(idle\[i\] == \(uint32_t\) xid\)/if (true)/; s/for \(size_t i = 0; i < count; i\+\+\)\n\t\tif \(true/for (size_t i = 0; i < 1; i++)\n\t\tif (true/'
mutant looks_no_farther_than_the_snapshot incremental.c 's/if \(xid >= s->xmax\)/if (false)/' 2390
mutant takes_the_stream_for_visible incremental_window.c 's/(if \(inc->loaded\)\n\t\{\n\t\tif \()incremental_is_visible\(&inc->snapshot, inc->xid\)/$1true/'
mutant forgets_events_before_the_rows incremental.c 's/(if \(incremental_is_visible\(&inc->snapshot, e->xid\))\)/$1 || true)/'
mutant halves_transaction_numbers incremental_window.c 's/return s->xmax \+ \(uint64_t\) \(int64_t\) \(int32_t\) \(xid - \(uint32_t\) s->xmax\);/return xid;/'
mutant takes_any_watermark incremental_window.c 's/strlen\(ours\) == len && memcmp\(ours, content, len\) == 0/ours != NULL \&\& content != NULL \&\& len > 0/' 75
mutant lets_the_stream_go_on_first loop_incremental.c 's/return incremental_putting\(l->inc\.machine\);/return incremental_putting(l->inc.machine) \&\& l->now_ms % 2;/'
mutant drops_without_asking_again incremental_put.c 's/if \(r->unchanged \|\| !inc->exact\)/if (!inc->exact)/'
mutant claims_the_whole_chunk incremental_put.c 's/key_set\(&t->last, key\);/key_set(\&t->last, \&inc->keys[inc->nkeys - 1]);/'
mutant tells_of_a_chunk_before_its_rows loop_incremental.c 's/(\tLoopIncremental \*li = &l->inc;\n)(\n\twhile \(incremental_putting)/$1\n\tif (incremental_putting(li->machine) \&\& li->next == 0 \&\& li->nrecords > 0 \&\& !li->held)\n\t{\n\t\tfor (size_t i = 0; i < li->nrecords; i++)\n\t\t\tincremental_done(li->machine, i);\n\t\ttell(l);\n\t}\n$2/'
mutant puts_after_a_pause incremental_queue.c 's/inc->paused = inc->changed = true;\n\tif \(inc->state != STATE_PUTTING\)\n\t\tincremental_restart\(inc\);/inc->paused = inc->changed = true;/' 135
mutant sends_what_was_withdrawn incremental.c 's/step == INCREMENTAL_CLOSE \|\| inc->state == states\[step\]/step != INCREMENTAL_NOTHING \|\| inc->state == states[step]/'
mutant drops_a_truncate core.c 's/(\tout->stream = c->current->handle;)/\tif (f->op == WIRE_OP_TRUNCATE)\n\t\treturn CORE_SKIP;\n$1/'
mutant loses_a_request loop_incremental.c 's/loop_incremental_progress\(l\);\n\tincremental_commit/incremental_commit/'
mutant stops_what_was_asked_for_later incremental_queue.c 's/\(inc->stops\[0\]\.behind == 0 \|\| inc->nrequests == 0\)/inc->nrequests == 0/'
mutant forgets_requests_behind_a_gap loop_snapshot.c 's/\t\(void\) loop_incremental_session\(l\);\n\tsnapshot_plan_free/\tsnapshot_plan_free/' 100
mutant leaves_out_what_is_behind_a_gap loop_snapshot.c 's/s->plan\.had_rows = true;/s->plan.had_rows = false;/' 75

echo "$caught mutants of snapshots caught, $failed not"
[ "$failed" = 0 ] && [ "$caught" -gt 0 ]

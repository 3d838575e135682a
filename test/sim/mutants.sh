#!/usr/bin/env bash
# mutants.sh [NAME...]: the test of the simulator. Each wrong core, made from the real one, must be caught within MUTANT_EPISODES (8000).
set -uo pipefail
cd "$(dirname "$0")"
limit=${MUTANT_EPISODES:-8000}
shipper=../../shipper
failed=0 caught=0

# mutant NAME FILE PERL [SEED]: the source with one substitution, which must apply; the episodes begin at SEED (1)
mutant()
{
	local name=$1 file=$2 change=$3 dir=build/mutant-$1
	[ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
	rm -rf "$dir"
	mkdir -p "$dir/src"
	cp $shipper/{core,tracker,delivery,position,resume,err,stats}*.c "$dir/src/"
	if [ "$file" = driver ]; then
		make -s OUT="$dir" SIM_BUG="$change" CFLAGS="-O2" >"$dir/log" 2>&1 || { cat "$dir/log"; failed=$((failed + 1)); return; }
	else
		perl -0pi -e "$change" "$dir/src/$file"
		if cmp -s "$dir/src/$file" "$shipper/$file"; then
			echo "$name: FAILED: the change no longer applies to $file"
			failed=$((failed + 1))
			return
		fi
		make -s OUT="$dir" SHIPPER="$dir/src" CFLAGS="-O2" WERROR= >"$dir/log" 2>&1 || { echo "$name: FAILED: does not compile"; cat "$dir/log"; failed=$((failed + 1)); return; }
	fi
	if "$dir/sim" --seed "${4:-1}" --episodes "$limit" >"$dir/out" 2>&1; then
		echo "$name: FAILED: not caught in $limit episodes"
		failed=$((failed + 1))
	else
		echo "$name: caught: $(grep -ao 'VIOLATION of [^:]*: .*' "$dir/out" | head -c 150)"
		caught=$((caught + 1))
	fi
}

wanted=("$@")
# confirmed before it is safe
mutant confirms_unacknowledged tracker.c 's/txn->pending > 0 \|\|/txn->pending > 1 ||/'
mutant confirms_before_the_position_is_durable core_position.c 's/(d->since_ms = d->now_ms;)/$1\n\ttracker_durable(&c->tracker, d->at.end_lsn);/'
mutant confirms_before_the_commit core_position.c 's/(d->phase = DELIVERY_FLUSHING;)/$1\n\ttracker_durable(&c->tracker, d->at.end_lsn);/'
mutant position_before_the_data core_position.c 's/if \(!c->delivery.opt.exactly_once\)\n\t\treturn tracker_delivered\(&c->tracker\);\n\tif \(c->last/if (c->last/'
mutant keepalive_overtakes_what_is_in_flight tracker.c 's/(txn = tracker_at\(t, t->count - 1\);\n\tif \(txn->committed && txn->end_lsn < wal_end\))/tracker_raise(t, wal_end);\n\t$1/'
# lost, twice, out of order
mutant drops_one_in_100000 core.c 's/(c->records\+\+;\n)/$1\tstatic uint64_t drop;\n\tif (++drop % 100000 == 0)\n\t\treturn CORE_SKIP;\n/'
mutant swaps_two driver SWAP
mutant skips_the_next_transaction core.c 's/c->repeated = f->end_lsn <= c->done_lsn;/c->repeated = f->end_lsn <= c->done_lsn + 0x40;/'
mutant skips_parts_of_a_change core.c 's/f->ordinal == c->last.ordinal && f->part <= c->last.part/f->ordinal == c->last.ordinal/'
mutant repeats_parts_of_a_change core.c 's/f->ordinal == c->last.ordinal && f->part <= c->last.part/f->ordinal == c->last.ordinal \&\& f->part < c->last.part/'
mutant forgets_the_open_part core_position.c 's/place.open = d->base.open;/;/'
mutant does_not_write_the_open_part core_position.c 's/\tplace.open = c->last;/\t;/'
# transactions
mutant cuts_inside_a_change core_position.c 's/return c->last.end_lsn != end_lsn \|\| c->last.ordinal != ordinal;/return true;/'
mutant splits_whatever_the_size delivery.c 's/d->of_source >= d->opt.max_records/d->of_source >= 1/'
mutant splits_though_aligned delivery.c 's/!d->opt.align && \(/(/'
# what a start must find out
mutant no_gap_check resume.c 's/server->slot_lsn > p->end_lsn/false/'
mutant takes_a_late_answer_for_a_gap core_position.c 's/if \(c->known_lsn > s.slot_lsn\)\n\t\ts.slot_lsn = c->known_lsn;/s.slot_lsn = tracker_confirmable(\&c->tracker) > s.slot_lsn ? tracker_confirmable(\&c->tracker) : s.slot_lsn;/'
mutant does_not_claim_the_slot core_position.c 's/d->claimed = core_is_ours\(c, stored->position\)/d->claimed = true/' 12000
mutant no_timeline_check resume.c 's/p->timeline == server->timeline/true/'
mutant no_check_of_a_lost_position resume.c 's/!exactly_once \|\| !stored->topic_used/true/'
mutant goes_on_after_a_takeover core_position.c 's/!core_is_ours\(c, p\) && \(c->known_wrote \|\| !core_is_base\(c, p\)\)/false/'
mutant goes_on_on_another_timeline core_position.c 's/server->timeline != d->at.timeline/false/'
mutant reads_the_position_before_it_fences driver READ_FIRST
mutant goes_on_with_its_producer driver KEEP_PRODUCER
mutant goes_on_after_a_repeated_commit driver KEEP_WORN
mutant reads_the_position_before_the_markers driver READ_EARLY

echo "$caught mutants caught, $failed not"
[ "$failed" = 0 ] && [ "$caught" -gt 0 ]

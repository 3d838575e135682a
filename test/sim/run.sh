#!/usr/bin/env bash
# run.sh: the simulator, SIM_SECONDS (20) from a fixed seed and as long from a random one, which is printed; then its own test,
# in which every wrong core must be caught.
set -euo pipefail
cd "$(dirname "$0")"
make -s all
seconds=${SIM_SECONDS:-20}
build/sim --seed 1 --seconds "$seconds"
build/sim --seed "$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')" --seconds "$seconds"
./mutants.sh
# and of snapshots, ROWS_SECONDS (4) each
make -s -C rows all
rows/build/sim-rows --seed 1 --seconds "${ROWS_SECONDS:-4}"
rows/build/sim-rows --seed "$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')" --seconds "${ROWS_SECONDS:-4}"
rows/mutants.sh

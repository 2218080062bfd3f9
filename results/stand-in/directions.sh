#!/usr/bin/env bash
# One round in every direction from one overfitted point, side by side: the box program over random, Krylov and adjoint rows, the ball,
# exact stationarity with the Hessian, |H| and the Gauss-Newton matrix, with l2 and l2-sp, continuous bilevel, and the controls. Rows that are done are left
# alone. ./results/stand-in/directions.py prints the table.
#
# usage: ./results/stand-in/directions.sh      after `LIFT_GROUPS=warmup ./results/stand-in/campaign.sh 0`
# LIFT_RANKS (default 1) of one thread each; LIFT_ROWS, an expression that names of rows match; LIFT_BINARY.
# Writes to runs/directions. Cost: some 500 Hessian-vector products of 4 sequences of 256 tokens and 200 losses of 48: about 40 minutes
# on one core, estimated from 2.3 s a product and 4 s a loss.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=runs/directions ranks=1
# shellcheck source=results/stand-in/rows.sh
. results/stand-in/rows.sh
start=runs/campaign/s0-warmup/checkpoints/epoch-35
needs "$start"

# from NAME options...: one round from that point.
from() {
  local name="$1"
  shift
  row "$name" --limit 48 --start "$start" --warmup.epochs 0 --search.hvp-batches 1 --search.line model --search.steps 9 "$@"
}

gamma=(--search.hypergradient on)
from exact-l2-hessian --direction exact
from box-random --search.probe-kind random "${gamma[@]}"
from box-krylov --search.probe-kind krylov "${gamma[@]}"
from box-adjoint --search.probe-kind adjoint
from exact-l2-absolute --direction exact --search.curvature absolute
from exact-l2-ggn --direction exact --search.curvature ggn
from l2-krylov --lp.trust-region l2 --search.probe-kind krylov "${gamma[@]}"
for curvature in hessian absolute ggn; do
  from "exact-l2-sp-$curvature" --direction exact --regularizer l2-sp --search.curvature "$curvature"
done
from exact-l2-absolute-100 --direction exact --search.curvature absolute --search.basis 100
from exact-l2-absolute-damped --direction exact --search.curvature absolute --search.basis 100 --search.damping 0.3
from sign --direction sign
from box-adjoint-sp --search.probe-kind adjoint --regularizer l2-sp
from bilevel-sp --direction bilevel --regularizer l2-sp --search.solve-tol 1e-6
from gradient --direction gradient
from wise --direction wise

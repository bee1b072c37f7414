#!/usr/bin/env bash
# All checks and measurements for a CUDA card, in one command and within eight minutes:
#     bash benchmarks/card.sh
#     bash benchmarks/card.sh --device cpu --tiny   # the same script without a card, in a minute
# Takes python3, or $PYTHON, which has torch. What else it lacks comes out of .whl/ (see
# card_wheels.sh) and is put beside it for this run alone; nothing is fetched from a network.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import torch' || { echo "card.sh: $python has no torch; set PYTHON" >&2; exit 2; }
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
if ! "$python" -c 'import orjson, rich, tensorboardX' 2> /dev/null; then
    if ! compgen -G '.whl/*.whl' > /dev/null; then
        echo "card.sh: $python lacks packages and .whl/ is empty; first, where there is a" \
            "network: bash benchmarks/card_wheels.sh" >&2
        exit 2
    fi
    if compgen -G '.whl/torch-*.whl' > /dev/null; then
        echo "card.sh: .whl/ holds a torch; the machine's own fits its driver, remove it" >&2
        exit 2
    fi
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
        --target "$site" .whl/*.whl
fi
export PYTHONPATH="$site:$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
"$python" benchmarks/card.py "$@"

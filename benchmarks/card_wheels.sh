#!/usr/bin/env bash
# Fetches, where there is a network, what card.sh needs on a machine that has none: wheels for
# Python 3.12 on x86-64 into .whl/, and the recorded outputs of the original, if they lie beside the
# repository, into .card/. Both folders are ignored by git; take them along.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
# What such a machine lacks of pyproject.toml and its programs import; the versions that are tested.
mapfile -t wanted < <(grep -E '^(orjson|rich|tensorboardX)==' requirements.txt)
rm -rf .whl
"$python" -m pip download -q --no-deps --only-binary=:all: \
    --python-version 3.12 --implementation cp \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux1_x86_64 -d .whl "${wanted[@]}"
ls -l .whl
if [ -d ../shared/golden ]; then
    rm -rf .card/shared/golden
    mkdir -p .card/shared
    cp -r ../shared/golden .card/shared/golden
    chmod -R u+w .card/shared/golden
    du -sh .card/shared/golden
else
    echo "no ../shared/golden here: the comparisons with recordings will be skipped"
fi

# Everything a new user needs: make demo, make test. Needs Python >= 3.10 and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
JOBS ?= 2
MODEL := NetVLAD++_demo

# What to type after the demo; each line works as it is printed.
TRAIN := python -m TemporallyAwarePooling.main --SoccerNet_path data --features Synthetic.npy
define NEXT_STEPS
@printf '%s\n' '' 'Next steps:' \
    "  source '$$(cd '$(BIN)' && pwd)/activate'" \
    "  cd '$$(cd '$(DEMO)' && pwd)'" \
    '# a second run, half a minute, and the two side by side' \
    '  $(TRAIN) --pool MAX --max_epochs 15 --model_name MaxPool_demo' \
    '  python -m common.compare models/$(MODEL) models/MaxPool_demo --per-class' \
    '  python -m common.report models/$(MODEL) --compare models/MaxPool_demo' \
    '# which detections to believe: thresholds chosen on valid, and what they keep on test' \
    '  $(TRAIN) --model_name $(MODEL) --test_only --split_test valid' \
    '  python -m common.operating_point models/$(MODEL) --write' \
    '# how the training went, in a browser' \
    '  pip install tensorboard' \
    '  tensorboard --logdir models'
endef

define NEXT_WITH_FILMS
@printf '%s\n' '' 'Next steps:' \
    "  source '$$(cd '$(BIN)' && pwd)/activate'" \
    "  cd '$$(cd '$(DEMO)' && pwd)'" \
    '# the spots in their films: look at them, correct them, hand them on' \
    '  python -m common.watch models/Films_demo' \
    '  python -m common.export models/Films_demo --format csv'
endef

.PHONY: demo video-demo test proof check lint format clean

# Trains, tests and reports NetVLAD++ on an invented data set.
demo: $(VENV)/.installed
	$(BIN)/python -m common.synthetic --out $(DEMO)/data --overwrite
	here="$$(cd '$(BIN)' && pwd)" && cd '$(DEMO)' && "$$here/python" -m TemporallyAwarePooling.main \
	    --SoccerNet_path data --features Synthetic.npy --model_name $(MODEL) \
	    --max_epochs 15 --overwrite
	$(BIN)/python -m common.validate_submission \
	    $(DEMO)/models/$(MODEL)/results_spotting_challenge.zip \
	    --split challenge --SoccerNet_path $(DEMO)/data
	$(BIN)/python -m common.report $(DEMO)/models/$(MODEL)
	@echo
	@echo "report:        $(DEMO)/models/$(MODEL)/report_test/report.html"
	@echo "all numbers:   $(DEMO)/models/$(MODEL)/results_test.json"
	@echo "challenge zip: $(DEMO)/models/$(MODEL)/results_spotting_challenge.zip"
	$(NEXT_STEPS)

# Films an invented league, learns from its pictures, spots in a film that it has not seen.
FILMS := --SoccerNet_path league --features efficientnet-lite0.npy --model_name Films_demo
video-demo: $(VENV)/.installed
	$(BIN)/python -m common.synthetic --video --out $(DEMO)/league --games 10 3 3 1 --minutes 3 \
	    --spots_per_minute 6 --video_fps 10 --jobs $(JOBS) --overwrite
	$(BIN)/python -m common.extract_features --SoccerNet_path $(DEMO)/league \
	    --backbone efficientnet-lite0
	python="$$(cd '$(BIN)' && pwd)/python" && cd '$(DEMO)' && \
	"$$python" -m TemporallyAwarePooling.main $(FILMS) --max_epochs 40 --batch_size 32 --overwrite && \
	"$$python" -m TemporallyAwarePooling.main $(FILMS) --test_only --split_test valid && \
	"$$python" -m common.operating_point models/Films_demo --write && \
	for game in league/*/*/*/; do last="$$game"; done && \
	"$$python" -m common.spot models/Films_demo "$${last}1_224p.mkv" "$${last}2_224p.mkv"
	$(BIN)/python -m common.report $(DEMO)/models/Films_demo
	@echo
	@echo "report:        $(DEMO)/models/Films_demo/report_test/report.html"
	@echo "all numbers:   $(DEMO)/models/Films_demo/results_test.json"
	$(NEXT_WITH_FILMS)

# From nothing to a passed test suite, in $(JOBS) processes of one thread each.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# Each failure that can be listed, tried; under two hours on two cores. docs/reliability.md has the counts.
FUZZ_SECONDS ?= 100
METRIC_CASES ?= 100000
PROOFS := $(addprefix proof-,fuzz every_call_fails every_crash metric_difference real_slurm \
    little_memory growth archive_difference)
proof: $(VENV)/.installed-proof
	$(MAKE) --jobs=$(JOBS) --keep-going --no-print-directory $(PROOFS)

# One of them: `make proof-fuzz`, each line with its name.
.PHONY: $(PROOFS)
proof-fuzz: OPTIONS := --seconds $(FUZZ_SECONDS)
proof-metric_difference: OPTIONS := --cases $(METRIC_CASES)
$(PROOFS): SHELL := bash
$(PROOFS): .SHELLFLAGS := -o pipefail -c
$(PROOFS): proof-%: $(VENV)/.installed-proof
	@PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 PYTHONPATH=.:tests \
	    $(BIN)/python tests/long/$*.py $(OPTIONS) 2>&1 | sed -u 's/^/$*: /'

# What must hold before each commit.
check: lint test

# Format, lint, types, and the rule that imports run baseline -> common -> libraries.
lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache *.egg-info

$(VENV)/.installed: requirements.txt pyproject.toml
	@echo "installing packages into $(VENV), which takes some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

$(VENV)/.installed-proof: requirements-proof.txt $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet -r requirements-proof.txt
	touch $@

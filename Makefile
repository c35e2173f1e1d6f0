# Everything a person or CI runs. `make` alone lists it.
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin

.PHONY: help install lock site demo test hostile check format mutations bench-read bench-predict bench-cascade bench-train bench-gpu bench-tap soak bench-files bench-web bench-label bench-growth bench-objects bench-release bench-scaling bench-real bench-active bench-spoilt bench-supergiants bench-plates model evaluate-model ablation docs clean screenshots

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/installed ## Install the package with all extras, and what develops and tests it, into .venv

PIP = test -d .venv || $(PYTHON) -m venv .venv; $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.venv/installed: pyproject.toml constraints.txt
	$(PIP) --editable '.[test]'
	touch $@ .venv/demo

.venv/demo: pyproject.toml constraints.txt
	$(PIP) --editable '.[demo]'
	touch $@

lock: ## Renew constraints.txt: the newest versions that pyproject.toml allows
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check '.[test]'
	(sed '/^[^#]/d' constraints.txt; build/lock/bin/pip freeze --exclude vo-emline) > build/lock/constraints.txt
	mv build/lock/constraints.txt constraints.txt

demo: .venv/demo ## The whole chain on a simulated archive, in minutes (DEMO=dir, default demo-run)
	$(BIN)/vo-emline demo --output $(or $(DEMO),demo-run)

test: .venv/installed ## Run the tests
	JAX_PLATFORMS=cpu $(BIN)/pytest -n 2 --dist loadfile

hostile: .venv/installed ## Attack the service with every case (figures go to hostile.jsonl)
	HOSTILE_FULL=1 HOSTILE_REPORT=hostile.jsonl JAX_PLATFORMS=cpu $(BIN)/pytest -q tests/hostile --timeout 7200

check: .venv/installed ## Lint, types and layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_layering.py

format: .venv/installed ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

mutations: .venv/installed ## Feed 20 000 damaged files to both readers
	VO_EMLINE_MUTATIONS=20000 JAX_PLATFORMS=cpu $(BIN)/pytest -q tests/vo_emline/spectra/test_mutations.py

bench-read: .venv/installed ## Measure how fast spectra are read, against the bytes alone
	$(BIN)/python benchmarks/read.py

bench-files: .venv/installed ## Measure files to candidates, against reading the bytes alone (FILES="--n 100000")
	$(BIN)/python benchmarks/files.py $(FILES)

bench-predict: .venv/installed ## Measure prediction beside other frameworks (pip install '.[bench]'; PREDICT="--rounds 9")
	$(BIN)/python benchmarks/predict.py $(PREDICT)

bench-train: .venv/installed ## Measure training beside Keras (pip install '.[bench]'; TRAIN="--epochs 8")
	$(BIN)/python benchmarks/train.py $(TRAIN)

bench-gpu: .venv/installed ## Measure prediction on a GPU, in memory and from a store (GPU="--windows 2000000")
	$(BIN)/python benchmarks/gpu.py $(GPU)

bench-cascade: .venv/installed ## Measure what the cascade loses of real spectra (SURVEY=dirs)
	$(BIN)/python benchmarks/cascade.py --survey $(SURVEY)

bench-tap: .venv/installed ## Measure the TAP service, beside the DaCHS peer where it runs (TAP="--rows 100000")
	$(BIN)/python benchmarks/tap.py $(TAP)

bench-web: .venv/installed ## Measure the pages for people (WEB="--rows 20000000")
	$(BIN)/python benchmarks/web.py $(WEB)

bench-label: .venv/installed ## Measure what one waits for who labels, 1000 labels at 3/s (LABEL="--rows 20000000")
	$(BIN)/python benchmarks/label.py $(LABEL)

soak: .venv/installed ## Let a service run under mixed and hostile load (SOAK="--minutes 60")
	$(BIN)/python benchmarks/soak.py $(SOAK)

model: .venv/installed ## Train the model that ships again (ONDREJOV=dir LABELS=csv SURVEY="dir …" MODEL_RUN=dir)
	$(BIN)/vo-emline train --training $(ONDREJOV) --labels $(LABELS) $(foreach dir,$(SURVEY),--unlabelled $(dir)) \
		--epochs 12 --output $(MODEL_RUN)
	$(BIN)/python -m vo_emline.training.packing $(MODEL_RUN)/model vo_emline/default_model

bench-growth: .venv/installed ## Measure the next data release on top of the last (GROWTH="--files 100000 --rows 2000000")
	$(BIN)/python benchmarks/growth.py $(GROWTH)

evaluate-model: .venv/installed ## Measure the model that ships (SURVEY="dir …" LABELS=csv EMISSION=dir MODEL_RUN=dir)
	mkdir -p $(MODEL_RUN)/model && cp vo_emline/default_model/* $(MODEL_RUN)/model/
	$(BIN)/vo-emline evaluate $(MODEL_RUN) $(foreach dir,$(SURVEY),--negatives $(dir)) \
		--labels $(LABELS) --emission $(EMISSION) --output $(MODEL_RUN)/evaluation

bench-spoilt: .venv/installed ## Count sure candidates among spectra spoilt on purpose (SPOILT="--spectra dir --n 150")
	$(BIN)/python benchmarks/spoilt.py $(SPOILT)

bench-supergiants: .venv/installed ## Classify hot supergiants and giants made by formulas of their own (SUPERGIANTS=seed)
	$(BIN)/python benchmarks/supergiants.py $(SUPERGIANTS)

bench-plates: .venv/installed ## Judge stars and lines with expectations that do not know the plate (SURVEY="dir …" LABELS=csv)
	$(BIN)/python benchmarks/by_plate.py --survey $(SURVEY) --labels $(LABELS)

bench-objects: .venv/installed ## Measure what the table of stars costs (OBJECTS="--rows 20000000 --threads 2")
	$(BIN)/python benchmarks/objects.py $(OBJECTS)

bench-release: .venv/installed ## Measure building a release and its first answers (RELEASE="--rows 20000000")
	$(BIN)/python benchmarks/release.py $(RELEASE)

bench-real: .venv/installed ## Measure a store of real windows to candidates (SURVEY=dirs, REAL="--n 2000000")
	$(BIN)/python benchmarks/real_store.py --survey $(SURVEY) $(REAL)

bench-scaling: .venv/installed ## Measure time and memory against the size of a survey, and one worker against two
	$(BIN)/python benchmarks/scaling.py $(SCALING)

ablation: .venv/installed ## What each way of domain adaptation gives (SURVEY=dirs LABELS=csv ABLATION=dir)
	$(BIN)/python benchmarks/ablation.py --survey $(SURVEY) --labels $(LABELS) --output $(or $(ABLATION),ablation)

bench-active: .venv/installed ## Count the labels that each way of choosing needs (ACTIVE="--field dir --figure png")
	OPENBLAS_NUM_THREADS=1 JAX_PLATFORMS=cpu $(BIN)/python benchmarks/active.py $(ACTIVE)

site: .venv/installed ## Build the documentation as a searchable site, build/site/index.html
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/site

screenshots: .venv/installed ## Take the pictures of the pages (DEMO=dir of `make demo`)
	$(BIN)/python docs/screenshots.py $(or $(DEMO),demo-run)/run

docs: .venv/installed ## Write the reference pages from the code
	$(BIN)/python docs/generate.py

clean: ## Remove what was built here
	rm -rf .venv demo-run build dist .mypy_cache .pytest_cache .ruff_cache

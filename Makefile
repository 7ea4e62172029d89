# Needs python >= 3.11, pip and make; everything else is set up here, in .venv and .venv-dev.
PYTHON ?= python3
RUN = .venv
DEV = .venv-dev
PROFILE = .venv-profile
CHECKED = src config tasks worker tests benchmarks

.PHONY: run test check faults readings fix lock reasons bench bench-scale bench-dns clean

run: $(RUN)/.ready
	@$(RUN)/bin/python -m txtproof.rehearsal

test: $(DEV)/.ready
	@$(DEV)/bin/python -m pytest

check: $(DEV)/.ready
	@$(DEV)/bin/ruff format --check $(CHECKED)
	@$(DEV)/bin/ruff check $(CHECKED)
	@$(DEV)/bin/mypy
	@PYTHONPATH=src:. $(DEV)/bin/lint-imports --no-cache

# the long form of tests/faults; prints its seed, by which the same faults can be thrown again
MINUTES ?= 10
COUNT ?= 10000
faults: $(DEV)/.ready
	@PYTHONPATH=src:. $(DEV)/bin/python -m tests.faults.long --minutes $(MINUTES) --count $(COUNT) $(if $(SEED),--seed $(SEED))

# the long form of the tests that hold the short way to read an answer against dnspython's
readings: $(DEV)/.ready
	@$(DEV)/bin/python -m pytest tests/adapters/dns/test_short_path.py tests/reasons/test_readings.py \
		--hypothesis-profile=long --timeout=0

# docs/reasons.md, from the vocabulary
reasons: $(DEV)/.ready
	@PYTHONPATH=src:. $(DEV)/bin/python -m tests.reasons_page

fix: $(DEV)/.ready
	@$(DEV)/bin/ruff check --fix $(CHECKED)
	@$(DEV)/bin/ruff format $(CHECKED)

# the extras stay: pip 23 takes the newest release for `name[extra]`, past a pin of plain `name`
COMPILE = $(DEV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock: $(DEV)/.ready
	@$(COMPILE) pyproject.toml --extra rehearsal -o requirements.txt
	@$(COMPILE) pyproject.toml --extra rehearsal --extra route53 --extra lexicon --group dev -c requirements.txt -o requirements-dev.txt
	@echo ministack | $(COMPILE) - -o tests/ministack.txt

bench: bench-scale bench-dns

# needs Linux and Knot (apt-get install knot); about 25 minutes; ARGS=--quick shows in two that it runs
bench-scale: $(DEV)/.ready $(PROFILE)/.ready
	@PYTHONPATH=src:. $(DEV)/bin/python -m benchmarks $(ARGS)

# needs Linux, Knot and dnsperf (apt-get install knot dnsperf), and root for the longer ways; about 20 minutes; installs
# the other libraries in environments of their own; ARGS=--quick as above
bench-dns: $(DEV)/.ready
	@PYTHONPATH=src:. $(DEV)/bin/python -m benchmarks.dns_speed $(ARGS)
	@PYTHONPATH=src:. $(DEV)/bin/python -m benchmarks.report $(filter --quick,$(ARGS))

clean:
	@rm -rf $(RUN) $(DEV) $(PROFILE) .venv-rivals .venv-ministack build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(RUN)/.ready: requirements.txt pyproject.toml
	$(call set_up,$(RUN),requirements.txt)

$(DEV)/.ready: requirements-dev.txt pyproject.toml
	$(call set_up,$(DEV),requirements-dev.txt)

# a sampler that attaches to a process of the benchmarks: no dependency of anything else
$(PROFILE)/.ready: benchmarks/requirements.txt
	@rm -rf $(PROFILE)
	@$(PYTHON) -m venv $(PROFILE)
	@$(PROFILE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $(PROFILE)/.ready

define set_up
@$(PYTHON) -c 'import sys; sys.exit("txtproof needs Python >= 3.11, this is " + sys.version.split()[0] + ": run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
@echo "Setting up $(1) ..."
@rm -rf $(1)
@$(PYTHON) -m venv $(1)
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
@touch $(1)/.ready
endef

# `make demo` and `make test` set up all they need; `make help` lists the rest.
PYTHON ?= python3.11
# For test-on-newest: the newest there is, since packages end with old ones.
NEWEST_PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 \
    $(foreach minor,14 13 12,$(wildcard $(HOME)/.pyenv/versions/3.$(minor).*/bin/python3)) \
    $(PYTHON); do $$name -c "import venv" 2>/dev/null && echo $$name && break; done)
HOST := .venv
DEVICE := .venv-device
TFLITE := .venv-tflite
TESTTOOLS := .venv-testtools
NEWEST := .venv-newest
LOWEST := .venv-lowest
NEWEST_HOST := .venv-newest-host
BUILD := .venv-build
TENSORBOARD := .venv-tensorboard
MUTATION := .venv-mutation
KERAS := .venv-keras
SITE := .venv-site
PEER_LITERT := .venv-peer-litert
PEER_ONNX2TF := .venv-peer-onnx2tf
PIP := $(HOST)/bin/python -m pip --disable-pip-version-check -q

# The tests of what runs on a device; they need no torch and run in each device environment.
DEVICE_TESTS := tests/unit/edge_agent tests/contract tests/device \
    tests/golden/test_format1_bundles.py
ON_DEVICES := test-on-device test-on-tflite
# Of these, what goes through every dependency of a device: cameras, models, messages, the doctor.
BOUND_TESTS := tests/device tests/contract/test_sources.py \
    tests/unit/edge_agent/system/test_opencv_log.py tests/unit/edge_agent/inference \
    tests/unit/edge_agent/test_several_streams.py tests/unit/edge_agent/test_text_agent.py \
    $(wildcard tests/unit/edge_agent/tasks/ocr/test_[lr]*.py) \
    tests/unit/edge_agent/sources tests/unit/edge_agent/doctor \
    $(wildcard tests/unit/edge_agent/bundle/test_[amp]*.py)
# And of a host.
HOST_BOUND_TESTS := tests/unit/test_dependencies.py tests/unit/pipeline/test_convert_file.py \
    tests/unit/pipeline/tasks/classify/begin tests/unit/quantization/reference/test_reference_run.py
ON_BOUNDS := test-on-newest test-on-lowest test-on-newest-host
# Those that wait for brokers, cameras and processes; the others calculate.
PROCESS_TESTS := tests/contract tests/deploy tests/device tests/e2e tests/fault
SUITES := test-processes test-functions $(ON_DEVICES) $(ON_BOUNDS)

export EDGEWARD_DEVICE_PYTHON := $(abspath $(DEVICE)/bin/python)
export EDGEWARD_TFLITE_PYTHON := $(abspath $(TFLITE)/bin/python)

.PHONY: help demo test $(SUITES) fuzz mutants test-arm test-boot test-home-assistant test-keras check bench peers ocr-tools docs site wheel client tested-wheel deb system env format clean

help:
	@echo 'make demo    the whole product on real input: train, prune, quantise, verify, run, publish'
	@echo 'make test    every test, those of the device on both TFLite runtimes (installs mosquitto if it can)'
	@echo 'make test-on-newest  of those, the part that the newest dependencies without constraints run;'
	@echo '             test-on-lowest, test-on-newest-host: the lowest, and those of a host'
	@echo 'make fuzz    100,000 hostile configurations, messages, commands and bundles, and 40,000 models'
	@echo 'make mutants  put bugs into the core, one at a time, and see which no near test finds, for TIME=60'
	@echo '             minutes; goes on where it ended; ARGS="--module outbox --sample 0"; tests/mutants/README.md'
	@echo 'make test-arm  the device tests in emulated aarch64 and armhf systems (root on Debian; 1 GB)'
	@echo 'make test-boot  the package under a real systemd, in a container (root on Debian; 1 GB)'
	@echo 'make test-keras  a network of Keras, by its own ONNX export, to a bundle (51 MB)'
	@echo 'make test-home-assistant  the device in a real Home Assistant (root on Debian; 1.4 GB)'
	@echo 'make check   ruff, mypy --strict, layers, docs against --help'
	@echo 'make bench   every benchmark; one: make bench-NAME ARGS=..., of benchmarks/NAME.py'
	@echo 'make peers   other converters for bench-converters and bench-peer-accuracy: 5 GB'
	@echo 'make ocr-tools  Tesseract for bench-ocr, and the fonts that recipes/ocr-*.toml draw with (apt)'
	@echo 'make docs    write anew what is made from other files: commands, figures, recipes, keys'
	@echo 'make site    docs/ as pages in dist/site; a dead link ends it'
	@echo 'make wheel   dist/*.whl, for devices'
	@echo 'make client  dist/edgeward_client-*.whl, for programs that only listen: no OpenCV, no runtime'
	@echo 'make deb     dist/*.deb, for devices without a network; ARGS="--arch arm64 --python 3.13"'
	@echo 'make env     only the environments; TORCH_INDEX=URL for another index of torch; make clean removes them, runs/ and dist/'

demo: $(HOST)/.installed $(DEVICE)/.installed
	$(HOST)/bin/edgeward demo --device-python $(DEVICE)/bin/python

# What waits for processes may fail because another suite has the cores: it is tried once more when
# all have ended, and both outcomes are printed. What calculates is not.
SECOND_TRY := $(HOST)/bin/python scripts/second_try.py
NOTED := build/second-tries
RUN_SUITE = $(SECOND_TRY) run $@ $(PROCESS_TESTS) --

test: env system $(TENSORBOARD)/.installed
	rm -rf $(NOTED)
	status=0; EDGEWARD_SECOND_TRY=$(NOTED) $(MAKE) --no-print-directory --keep-going -j2 \
	    --output-sync=target $(SUITES) || status=$$?; \
	$(SECOND_TRY) alone $(NOTED) || status=$$?; exit $$status

# Two beside each other, since half of them wait. Two threads of OpenMP would then wait for each
# other longer than they calculate.
test $(SUITES): export OMP_NUM_THREADS = 1

test-processes:
	$(RUN_SUITE) $(HOST)/bin/python -m pytest $(PROCESS_TESTS)

test-functions:
	$(HOST)/bin/python -m pytest $(PROCESS_TESTS:%=--ignore=%)

$(ON_DEVICES): test-on-%:
	$(RUN_SUITE) env PYTHONPATH=$(TESTTOOLS) .venv-$*/bin/python -m pytest $(DEVICE_TESTS)

# What the wheel lets in, without constraints: the newest of every dependency as of now on the
# newest Python, and the lowest on ours. The wheel is installed, and the tests import that, not
# the tree (PYTHONSAFEPATH).
test-on-newest: $(NEWEST)/bin/python tested-wheel
	$(PIP) --python $< install --upgrade --upgrade-strategy eager $(BUILD)/wheel/*.whl
	$(PIP) --python $< install --no-deps --force-reinstall $(BUILD)/wheel/*.whl
	$(PIP) --python $< install $$(grep -E '^(pytest|hypothesis)==' constraints.txt)
	$(RUN_SUITE) env PYTHONSAFEPATH=1 $< -m pytest $(BOUND_TESTS)

test-on-lowest: $(LOWEST)/bin/python tested-wheel
	$(HOST)/bin/python scripts/lowest_versions.py >$(LOWEST)/constraints.txt
	$(PIP) --python $< install --force-reinstall -c $(LOWEST)/constraints.txt $(BUILD)/wheel/*.whl
	$(RUN_SUITE) env PYTHONSAFEPATH=1 PYTHONPATH=$(TESTTOOLS) $< -m pytest $(BOUND_TESTS)

# The host's lowest are what $(HOST) has. Its newest lie over it, those alone that are newer.
test-on-newest-host: tested-wheel
	rm -rf $(NEWEST_HOST)
	mkdir -p $(NEWEST_HOST)
	$(PIP) install --dry-run --report $(NEWEST_HOST)/report.json --upgrade \
	    --upgrade-strategy eager "$$(echo $(BUILD)/wheel/*.whl)[host]"
	$(HOST)/bin/python scripts/newer_versions.py $(NEWEST_HOST)/report.json >$(NEWEST_HOST)/newer.txt
	$(PIP) install --no-deps --target $(NEWEST_HOST) -r $(NEWEST_HOST)/newer.txt
	PYTHONPATH=$(NEWEST_HOST) $(HOST)/bin/python -m pytest $(HOST_BOUND_TESTS)

$(NEWEST)/bin/python:
	$(NEWEST_PYTHON) -m venv --clear --without-pip $(NEWEST)

$(LOWEST)/bin/python:
	$(PYTHON) -m venv --clear --without-pip $(LOWEST)

# Of the tree as it is now.
tested-wheel: $(BUILD)/.installed
	rm -rf $(BUILD)/wheel
	$(BUILD)/bin/python -m pip --disable-pip-version-check -q wheel --no-deps -w $(BUILD)/wheel .

# Of what `make test` runs a fiftieth. SEED=N for others; a failure names the seed and the input.
SEED ?= 0
fuzz: env
	EDGEWARD_FUZZ=1 EDGEWARD_FUZZ_SEED=$(SEED) $(HOST)/bin/python -m pytest -s $(wildcard tests/property/test_hostile_*.py)

# Not in `make test` nor in CI: an hour is a sample. TIME is in minutes.
TIME ?= 60
mutants: env system $(MUTATION)/.installed
	OMP_NUM_THREADS=1 PYTHONPATH=$(MUTATION):tests $(HOST)/bin/python -m mutants --time $(TIME) $(ARGS)

check: $(HOST)/.installed
	$(HOST)/bin/ruff format --check .
	$(HOST)/bin/ruff check .
	$(HOST)/bin/mypy
	$(HOST)/bin/python -m pytest -q tests/unit/test_layers.py tests/unit/test_docs.py

# `bundles.py` there is no benchmark: it makes what the others measure.
BENCHMARKS := bench-accuracy bench-agent bench-capture bench-converters bench-device bench-made-to-hurt bench-publishing bench-recurrent bench-training-loop
# These have no run to start from unless there is one or they are told it; a soak takes as long as
# it is told.
ON_DEMAND := bench-dials bench-false-readings bench-ocr bench-peer-accuracy bench-soak bench-transfer bench-zoo
# As they were called before.
FORMER := bench-made_to_hurt bench-training_loop bench-false_readings bench-peer_accuracy
.PHONY: $(BENCHMARKS) $(ON_DEMAND) $(FORMER)
bench: $(BENCHMARKS)
$(BENCHMARKS) $(ON_DEMAND) $(FORMER): bench-%: env
	$(HOST)/bin/python benchmarks/$(subst -,_,$*).py $(ARGS)

docs: $(HOST)/.installed
	$(HOST)/bin/python scripts/write_commands.py
	$(HOST)/bin/python scripts/write_pages.py

# The same files as pages. A link, a heading or a page that leads nowhere is an error.
site: $(SITE)/.installed
	$(SITE)/bin/sphinx-build -W --keep-going -q -c scripts/site docs dist/site
	@echo dist/site/index.html

# With pip and nothing else: none needs a host's environment.
wheel: $(BUILD)/.installed
	$(BUILD)/bin/python -m pip --disable-pip-version-check -q wheel --no-deps -w dist .

client: $(BUILD)/.installed
	$(BUILD)/bin/python scripts/build_client.py

deb: $(BUILD)/.installed
	$(BUILD)/bin/python scripts/build_deb.py $(ARGS)

# Skips with a word where it cannot: it needs root, and a Debian of any kind.
test-arm: $(HOST)/.installed
	scripts/test_arm.sh $(ARGS)

# Skips with a word too: it boots a Debian with the package in it, as root.
test-boot: $(HOST)/.installed
	scripts/test_boot.sh

# And it: a core of Home Assistant in a Debian of its own, as root.
test-home-assistant: $(HOST)/.installed system
	scripts/test_home_assistant.sh $(ARGS)

# Not in CI: Keras in a folder of its own, over the host's environment. It exports by torch.
test-keras: $(HOST)/.installed $(KERAS)/.installed
	$(HOST)/bin/python -m pytest tests/e2e/test_keras.py

$(KERAS)/.installed: constraints-keras.txt
	$(PIP) install --no-deps --upgrade --target $(KERAS) -r constraints-keras.txt
	touch $@

format: $(HOST)/.installed
	$(HOST)/bin/ruff format .
	$(HOST)/bin/ruff check --fix .

env: $(HOST)/.installed $(DEVICE)/.installed $(TFLITE)/.installed $(TESTTOOLS)/.installed

system:
	scripts/install-system-packages.sh

$(BUILD)/.installed:
	$(PYTHON) -m venv $(BUILD)
	touch $@

$(HOST)/.installed: pyproject.toml constraints.txt deploy/constraints.txt scripts/install-torch.sh
	$(PYTHON) -m venv $(HOST)
	scripts/install-torch.sh $(HOST)/bin/python
	$(PIP) install -c constraints.txt -e '.[host,dev]'
	touch $@

# No pip inside: a device environment holds what a device needs and nothing else.
$(DEVICE)/.installed: $(HOST)/.installed
	$(PYTHON) -m venv --clear --without-pip $(DEVICE)
	$(PIP) --python $(DEVICE)/bin/python install -c deploy/constraints.txt -e .
	touch $@

# The other interpreter alone: LiteRT is taken out again so that nothing can fall back on it.
$(TFLITE)/.installed: $(HOST)/.installed deploy/constraints-numpy1.txt
	$(PYTHON) -m venv --clear --without-pip $(TFLITE)
	$(PIP) --python $(TFLITE)/bin/python install -c deploy/constraints-numpy1.txt -e '.[tflite]'
	$(PIP) --python $(TFLITE)/bin/python uninstall -y ai-edge-litert
	touch $@

# The test runner beside the device environments, not in them.
$(TESTTOOLS)/.installed: $(HOST)/.installed
	$(PIP) install -c constraints.txt --upgrade --target $(TESTTOOLS) pytest hypothesis
	touch $@

# The extra `tensorboard` beside the host's environment, which has what else it needs.
$(TENSORBOARD)/.installed: $(HOST)/.installed
	$(PIP) install -c constraints.txt --upgrade --no-deps --target $(TENSORBOARD) \
	    tensorboard tensorboard-data-server absl-py grpcio markdown werkzeug
	touch $@

# The mutation tool beside the host's environment, not in it: nothing else needs it.
$(MUTATION)/.installed: $(HOST)/.installed
	$(PIP) install --upgrade --target $(MUTATION) cosmic-ray==8.7.0
	touch $@

$(SITE)/.installed: constraints-site.txt
	$(PYTHON) -m venv --clear $(SITE)
	$(SITE)/bin/pip install -q -c constraints-site.txt sphinx myst-parser pydata-sphinx-theme
	touch $@

# Other converters, each as its makers install it. Without them bench-converters measures ours
# alone; torch comes first for the reason above.
peers: $(PEER_LITERT)/.installed $(PEER_ONNX2TF)/.installed

$(PEER_LITERT)/.installed: constraints-peer-litert.txt
	$(PYTHON) -m venv --clear $(PEER_LITERT)
	$(PEER_LITERT)/bin/pip install -q -c constraints-peer-litert.txt torch
	$(PEER_LITERT)/bin/pip install -q -c constraints-peer-litert.txt litert-torch ai-edge-quantizer
	touch $@

$(PEER_ONNX2TF)/.installed: constraints-peer-onnx2tf.txt
	$(PYTHON) -m venv --clear $(PEER_ONNX2TF)
	$(PEER_ONNX2TF)/bin/pip install -q -c constraints-peer-onnx2tf.txt onnx2tf
	touch $@

ocr-tools:
	scripts/install-ocr-tools.sh recipes/fonts.txt

clean:
	rm -rf $(HOST) $(DEVICE) $(TFLITE) $(TESTTOOLS) $(TENSORBOARD) $(MUTATION) $(KERAS) $(BUILD)
	rm -rf $(NEWEST) $(LOWEST) $(NEWEST_HOST)
	rm -rf $(SITE) $(PEER_LITERT) $(PEER_ONNX2TF) runs dist build/mutants

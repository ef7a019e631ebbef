# Both commands set everything up by themselves: python3 (3.11 or newer) is all they need.
PYTHON ?= python3
TOX := .tox/bootstrap/bin/tox

.PHONY: quickstart test

quickstart: $(TOX)
	$(TOX) run -e tests --notest
	.venv/bin/python cli.py quickstart

test: $(TOX)
	$(TOX) run

# tox lives in a small environment of its own; everything else goes into .venv.
$(TOX):
	$(PYTHON) -m venv .tox/bootstrap
	.tox/bootstrap/bin/pip install --quiet "tox>=4.23"

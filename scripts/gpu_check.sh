#!/usr/bin/env bash
# What a GPU is worth to this project, most important first, in eight minutes at most.
#
#     scripts/gpu_check.sh [OUT]
#
# OUT (by default results/gpu-check) gets the rows, and a log of each part as it goes. ZOO_DATA names
# the folder that holds CIFAR-10, PYTHON the interpreter. Exits 3 where CUDA cannot run, with the cause;
# 1 where a part failed or ran out of time. docs/how-to/cuda.md says what to install.
set -u
out=$(realpath -m "${1:-results/gpu-check}")
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python3}
logs=$out/logs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$logs" || exit 1
export PYTHONUNBUFFERED=1 COLUMNS=160
all=480 # seconds
failed=()

part() { # name, limit in seconds, expected exit code, lines to show, command
  local name=$1 limit=$2 expected=$3 show=$4 began=$SECONDS left=$((all - SECONDS)) code
  shift 4
  if ((left < 10)); then
    echo "== $name: left out, the eight minutes are over"
    failed+=("$name")
    return
  fi
  timeout -k 5 "$((limit < left ? limit : left))" "$@" > "$logs/$name.log" 2>&1
  code=$?
  echo "== $name: exit $code, $((SECONDS - began)) s"
  tail -n "$show" "$logs/$name.log"
  ((code == expected)) || failed+=("$name")
}

zoo() { # the rest of `part`, then a command of the project
  part "$1" "$2" "$3" "$4" "$python" cli.py "${@:5}"
}

with_packages() { # those of these test files whose packages are installed; the others are named
  "$python" - "$@" << 'END'
import ast, sys
from importlib.util import find_spec
from pathlib import Path

for file in sys.argv[1:]:
    read = [Path(file), *(folder / "conftest.py" for folder in Path(file).parents)]
    nodes = [n for path in read if path.exists() for n in ast.walk(ast.parse(path.read_text()))]
    names = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    names += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module]
    tops = {"pytest", *(name.partition(".")[0] for name in names)}
    if missing := sorted(name for name in tops if find_spec(name) is None):
        print(f"   {file} left out: {', '.join(missing)} not installed", file=sys.stderr)
    else:
        print(file)
END
}

zoo doctor 30 0 20 doctor
if ! told=$("$python" cli.py bench cnn --runtime onnxruntime,torch --provider cuda --dry-run 2>&1); then
  echo "$told"
  echo "There is nothing to measure. docs/how-to/cuda.md says what each refusal means."
  exit 3
fi
zoo train 45 0 12 train speednet --device cuda --run "$work/speednet"
zoo test 30 0 4 test speednet --run "$work/speednet"
zoo captured 40 0 12 train speednet --device cuda --cuda-graph --run "$work/captured"
zoo captured_test 20 0 4 test speednet --run "$work/captured"
zoo bench 100 0 40 bench cnn speednet mlp dense --provider cuda --boundary host --precision fp32,int8 \
  --preset quick --batch 1,64 --out "$out/cuda.csv"
mapfile -t marked < <(grep -rl --include='test_*.py' 'mark\.cuda' tests)
mapfile -t tests < <(with_packages "${marked[@]}")
if ((${#tests[@]})); then
  part tests 50 0 25 "$python" -m pytest -q -m cuda -o filterwarnings=default -p no:cacheprovider "${tests[@]}"
fi
CUDA_VISIBLE_DEVICES='' zoo hidden 20 3 4 bench cnn --provider cuda --dry-run
zoo export 45 0 12 export speednet --run "$work/speednet" --exports "$work/exports"
zoo runtimes 70 0 20 bench speednet --exports "$work/exports" --provider cuda --runtime onnxruntime,torch \
  --precision fp32,fp16 --preset quick --batch 1,64 --out "$out/runtimes.csv"
zoo graphs 30 0 12 bench cnn --provider cuda --boundary device --cuda-graph --precision fp32 \
  --preset quick --batch 1 --out "$out/graphs.csv"

echo "== $SECONDS s in all; rows and logs in $out"
if ((${#failed[@]})); then
  echo "failed: ${failed[*]}"
  exit 1
fi

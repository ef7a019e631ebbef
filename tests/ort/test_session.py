"""Sessions: what an open file tells, what is refused, and that nothing runs elsewhere unseen."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import helper

from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.machine.threads import thread_budget
from zoo.ort import session as sessions
from zoo.ort.providers import CPU, CUDA
from zoo.ort.session import Session, TensorInfo, open_session

ROOT = Path(__file__).parents[2]
Make = Callable[..., Path]
RED = np.array([[[[255, 0, 0]] * 5] * 4], np.uint8)


@pytest.fixture
def tiny(tiny_onnx: Make) -> Session:
    return open_session(tiny_onnx())


def placed(session: Session, *nodes: tuple[str, str, str]) -> Session:
    """The session as if it had been opened on CUDA and its nodes placed like this."""

    def assigned() -> list[SimpleNamespace]:
        return [
            SimpleNamespace(
                ep_name=provider,
                get_nodes=lambda name=name, operator=operator: [
                    SimpleNamespace(name=name, op_type=operator, domain="")
                ],
            )
            for provider, name, operator in nodes
        ]

    fake = SimpleNamespace(
        get_providers=lambda: [CUDA, CPU], get_provider_graph_assignment_info=assigned
    )
    return replace(session, ort=fake, provider="cuda")


class TestOpen:
    def test_it_tells_what_the_file_takes_and_gives(self, tiny_onnx: Make) -> None:
        path = tiny_onnx()
        tiny = open_session(path, threads=1)
        assert tiny.name == str(path)
        assert tiny.inputs == (TensorInfo("image", "uint8", ("batch", 4, 5, 3)),)
        assert tiny.outputs == (TensorInfo("logits", "float32", ("batch", 3)),)
        assert tiny.metadata["class_names"] == '["red", "green", "blue"]'
        assert (tiny.provider, tiny.threads) == ("cpu", 1)

    def test_bytes_and_a_path_give_the_same(self, tiny_onnx: Make) -> None:
        path = tiny_onnx()
        from_bytes = open_session(path.read_bytes())
        assert from_bytes.name == "bytes"
        assert open_session(path.read_bytes(), name="tiny").name == "tiny"
        (one,), (two,) = (each.run({"image": RED}) for each in (from_bytes, open_session(path)))
        assert np.array_equal(one, two)
        assert one.argmax() == 0

    def test_threads_are_ours_by_default(self, tiny: Session, tiny_onnx: Make) -> None:
        assert tiny.threads == thread_budget()
        assert tiny.ort.get_session_options().intra_op_num_threads == thread_budget()
        assert (
            open_session(tiny_onnx(), threads=1).ort.get_session_options().intra_op_num_threads == 1
        )
        with pytest.raises(UsageError, match="at least one thread"):
            open_session(tiny_onnx(), threads=0)

    def test_config_entries_reach_onnxruntime(self, tiny_onnx: Make) -> None:
        key = "session.disable_quant_qdq"
        options = open_session(tiny_onnx(), config={key: "1"}).ort.get_session_options()
        assert options.get_session_config_entry(key) == "1"

    @pytest.mark.parametrize(
        ("content", "cause"),
        [
            (b"", "holds no graph"),
            (b"hello there, I am no model", "not an ONNX file"),
            (None, "truncated"),
        ],
        ids=["empty", "text", "half"],
    )
    def test_a_file_that_is_none_is_refused_in_plain_words(
        self, tiny_onnx: Make, capfd: pytest.CaptureFixture[str], content: bytes | None, cause: str
    ) -> None:
        path = tiny_onnx()
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if content is None else content)
        for model in (path, path.read_bytes()):
            with pytest.raises(ZooError, match=cause) as caught:
                open_session(model)
            assert caught.value.exit_code == 1
            assert "ONNXRuntimeError" not in str(caught.value)
        assert capfd.readouterr() == ("", "")

    def test_no_file_and_a_folder_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(ZooError, match=r"there is no file .*gone\.onnx"):
            open_session(tmp_path / "gone.onnx")
        with pytest.raises(ZooError, match="is a folder"):
            open_session(tmp_path)

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            (lambda model: setattr(model, "ir_version", 99), "Unsupported model IR version: 99"),
            (lambda model: setattr(model.graph.node[0], "op_type", "Castt"), "Castt"),
            (lambda model: setattr(model.graph.node[0], "domain", "strange.ops"), "strange.ops"),
        ],
        ids=["ir", "operator", "domain"],
    )
    def test_what_onnxruntime_cannot_run_is_refused_with_its_reason(
        self, tiny_onnx: Make, change: Callable[[onnx.ModelProto], None], cause: str
    ) -> None:
        path = tiny_onnx()
        model = onnx.load(path)
        model.opset_import.append(helper.make_opsetid("strange.ops", 1))
        change(model)
        onnx.save(model, path)
        with pytest.raises(ZooError, match=cause) as caught:
            open_session(path)
        assert "/onnxruntime_src/" not in str(caught.value)

    def test_opening_on_the_cpu_does_not_import_torch_or_onnx(self, tiny_onnx: Make) -> None:
        code = (
            "import sys\n"
            "from pathlib import Path\n"
            "from zoo.ort.session import open_session\n"
            "assert open_session(Path(sys.argv[1])).computing_elsewhere() == []\n"
            "print(*{'torch', 'onnx'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tiny_onnx())],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("\n", "")


class TestRun:
    @pytest.mark.parametrize(
        ("feeds", "cause"),
        [
            ({}, "image"),
            ({"photo": RED}, "image"),
            ({"image": RED.astype(np.float32)}, "float"),
            ({"image": RED[0]}, "Invalid rank"),
            ({"image": RED[:, :2]}, "Got: 2 Expected: 4"),
        ],
        ids=["none", "name", "type", "rank", "size"],
    )
    def test_a_wrong_input_is_named(
        self, tiny: Session, feeds: dict[str, sessions.Array], cause: str
    ) -> None:
        with pytest.raises(ZooError, match=cause):
            tiny.run(feeds)


class TestProviders:
    def test_every_node_is_placed(self, tiny: Session) -> None:
        assert tiny.placement() == {CPU: 3}
        assert tiny.computing_elsewhere() == []

    def test_a_computing_node_on_the_cpu_is_refused_unless_allowed(self, tiny: Session) -> None:
        mixed = placed(
            tiny, (CUDA, "cast", "Cast"), (CPU, "mean", "ReduceMean"), (CUDA, "head", "Gemm")
        )
        assert mixed.placement() == {CUDA: 2, CPU: 1}
        assert mixed.computing_elsewhere() == [f"ReduceMean mean on {CPU}"]
        with pytest.raises(UnavailableError, match="ReduceMean mean on CPU") as caught:
            sessions._check_providers(mixed, CUDA, allow_fallback=False)
        assert caught.value.exit_code == 3
        sessions._check_providers(mixed, CUDA, allow_fallback=True)

    def test_shape_arithmetic_may_stay_on_the_cpu(self, tiny: Session, tiny_onnx: Make) -> None:
        path = tiny_onnx()
        model = onnx.load(path)
        model.graph.node.append(helper.make_node("Shape", ["image"], ["shape"], "measure"))
        onnx.save(model, path)
        mixed = placed(replace(tiny, model=path), (CPU, "measure", "Shape"), (CUDA, "head", "Gemm"))
        sessions._check_providers(mixed, CUDA, allow_fallback=False)

    def test_what_depends_on_weights_alone_is_counted_by_operator(
        self, tiny: Session, mlp_exports: Path
    ) -> None:
        """CUDA has no kernel for int32: it leaves an int8 file's biases to the CPU."""
        (path,) = mlp_exports.glob("*/int8.onnx")
        graph = onnx.load(path).graph
        whole = {tensor.name for tensor in graph.initializer if tensor.data_type == 6}
        mixed = placed(
            replace(tiny, model=path),
            *[
                (CPU if whole.intersection(node.input) else CUDA, node.name, node.op_type)
                for node in graph.node
            ],
        )
        sessions._check_providers(mixed, CUDA, allow_fallback=False)
        count = mixed.placement()[CPU]
        assert count >= 2
        assert mixed.computing_elsewhere() == []
        assert mixed.constants_elsewhere() == [f"{count} DequantizeLinear on {CPU}"]

    def test_a_computing_node_is_not_among_the_constant_ones(self, tiny: Session) -> None:
        mixed = placed(tiny, (CPU, "mean", "ReduceMean"), (CUDA, "head", "Gemm"))
        assert mixed.constants_elsewhere() == []
        assert tiny.constants_elsewhere() == []

    def test_a_provider_that_onnxruntime_left_out_is_refused(self, tiny: Session) -> None:
        with pytest.raises(UnavailableError, match="did not start"):
            sessions._check_providers(tiny, CUDA, allow_fallback=True)

    def test_many_nodes_are_counted(self, tiny: Session) -> None:
        mixed = placed(tiny, *[(CPU, f"node {count}", "Conv") for count in range(9)])
        with pytest.raises(UnavailableError, match="and 6 more"):
            sessions._check_providers(mixed, CUDA, allow_fallback=False)

    def test_a_device_that_fails_is_not_the_files_fault(
        self, tiny_onnx: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failure = type("EPFail", (Exception,), {})

        def fail(*arguments: object) -> None:
            raise failure("[ONNXRuntimeError] : 11 : EP_FAIL : CUDA failure 2: out of memory")

        monkeypatch.setattr(sessions, "_create", fail)
        monkeypatch.setattr(sessions, "find_provider", lambda name: CUDA)
        with pytest.raises(UnavailableError, match="on cuda: CUDA failure 2: out of memory"):
            open_session(tiny_onnx(), provider="cuda")

    @pytest.mark.cuda
    def test_on_cuda_everything_computes_there(self, tiny_onnx: Make) -> None:
        path = tiny_onnx()
        on_gpu = open_session(path, provider="cuda")
        assert on_gpu.provider == "cuda"
        assert on_gpu.placement()[CUDA] > 0
        (there,), (here,) = (each.run({"image": RED}) for each in (on_gpu, open_session(path)))
        assert np.allclose(there, here, atol=1e-4)

"""Regions in code that torch compiles, transforms or recomputes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seo_engine.profiling import CodeProfiler
from tests.profiling.timed_regions import counts_of, statistics_of

torch = pytest.importorskip("torch")
checkpointing = pytest.importorskip("torch.utils.checkpoint")

Use = Callable[[CodeProfiler, Any], Any]


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


class Graphs:
    """A backend that runs each graph as it is, and keeps it."""

    def __init__(self) -> None:
        self.operators: list[list[str]] = []

    def __call__(self, module: Any, _: object) -> Any:
        calls = [node for node in module.graph.nodes if node.op.startswith("call")]
        self.operators.append([getattr(node.target, "__name__", str(node.target)) for node in calls])
        return module.forward


def relu(tensor: Any) -> Any:
    return tensor.relu()


# TorchScript takes what has no type for a tensor.
def doubled(tensor):
    return tensor * 2


def with_block(profiler: CodeProfiler, tensor: Any) -> Any:
    with profiler.profile_operation("attention"):
        return tensor.relu()


def measured_and_nested(profiler: CodeProfiler, tensor: Any) -> Any:
    for number in range(2):
        with (
            profiler.profile_operation(f"layer_{number}", "model_inference", measure_memory=True, measure_device=True),
            profiler.profile_operation("inner"),
        ):
            pass
    return tensor.relu()


def decorated(profiler: CodeProfiler, tensor: Any) -> Any:
    return profiler.profile_operation("decorated")(relu)(tensor)


def raising(profiler: CodeProfiler, tensor: Any) -> Any:
    try:
        with profiler.profile_operation("raising"):
            raise KeyError
    except KeyError:
        return tensor.relu()


def vectorized(profiler: CodeProfiler, tensor: Any) -> Any:
    return torch.func.vmap(lambda row: with_block(profiler, row))(tensor)


USES: list[Use] = [with_block, measured_and_nested, decorated, raising]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("use", USES)
def test_a_region_in_compiled_code_leaves_one_graph_without_it(profiler: CodeProfiler, use: Use, enabled: bool) -> None:
    profiler.enabled = enabled
    graphs = Graphs()
    compiled = torch.compile(lambda tensor: use(profiler, tensor), backend=graphs, fullgraph=True)
    for _ in range(2):
        assert compiled(torch.tensor([-1.0, 1.0])).tolist() == [0, 1]
    profiler.enabled = not enabled
    compiled(torch.tensor([-1.0, 1.0]))
    assert graphs.operators == [["relu"]]
    assert profiler.statistics() == []


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("measure_memory", [True, False])
def test_decorated_functions_and_methods_are_compiled_whole(
    profiler: CodeProfiler, measure_memory: bool, enabled: bool
) -> None:
    decorate = profiler.profile_operation("decorated", measure_memory=measure_memory)
    profiled = decorate(relu)

    @decorate
    def halves(tensor: Any) -> Iterator[Any]:
        yield tensor / 2
        yield tensor / 2

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        forward = decorate(lambda self, tensor: profiled(sum(halves(tensor))))

    profiler.enabled = enabled
    for function in (profiled, Model(), Model().forward):
        torch._dynamo.reset()
        graphs = Graphs()
        compiled = torch.compile(function, backend=graphs, fullgraph=True)
        assert compiled(torch.tensor([-1.0, 1.0])).tolist() == [0, 1]
        assert len(graphs.operators) == 1
    assert profiler.statistics() == []


def test_decorators_above_a_profiled_function_hold_in_compiled_code(profiler: CodeProfiler) -> None:
    frozen = torch.no_grad()(profiler.profile_operation("frozen")(relu))
    compiled = torch.compile(lambda tensor: frozen(tensor), backend="eager", fullgraph=True)
    assert not compiled(torch.ones(2, requires_grad=True)).requires_grad


def test_a_graph_that_ends_within_a_region_goes_on_in_the_next(
    profiler: CodeProfiler, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(tensor: Any) -> Any:
        with profiler.profile_operation("interrupted"):
            tensor = tensor.relu()
            print("between")
            return tensor.sin()

    graphs = Graphs()
    torch.compile(interrupted, backend=graphs)(torch.ones(2))
    assert graphs.operators == [["relu"], ["sin"]]
    assert capsys.readouterr().out == "between\n"


@pytest.mark.parametrize(
    ("backend", "enabled"), [("eager", True), ("eager", False), ("aot_eager", True), ("aot_eager", False)]
)
def test_a_model_with_regions_trains_compiled_as_it_does_eagerly(
    profiler: CodeProfiler, backend: str, enabled: bool
) -> None:
    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)

        @profiler.profile_operation("project")
        def project(self, tensor: Any) -> Any:
            return self.layer(tensor)

        def forward(self, tensor: Any) -> Any:
            with profiler.profile_operation("attention"):
                return self.project(tensor).relu()

    profiler.enabled = enabled
    model = Model()
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    tensor = torch.ones(2, 4)
    loss = compiled(tensor).sum()
    loss.backward()
    gradient = model.layer.weight.grad.clone()
    assert profiler.statistics() == []
    profiler.enabled = True
    model.zero_grad()
    eager = model(tensor).sum()
    eager.backward()
    assert torch.allclose(loss, eager) and torch.allclose(gradient, model.layer.weight.grad)
    assert counts_of(profiler) == {"attention": 1, "project": 1}


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler")
def test_the_default_backend_compiles_a_region_to_nothing(profiler: CodeProfiler) -> None:
    inductor = pytest.importorskip("torch._inductor.config")
    compiled = torch.compile(lambda tensor: with_block(profiler, tensor), fullgraph=True)
    # They would take longer than the rest.
    with inductor.patch(cpp_cache_precompile_headers=False):
        assert compiled(torch.tensor([-1.0, 1.0])).tolist() == [0, 1]
    assert profiler.statistics() == []


def test_regions_in_transformed_functions_are_timed_in_eager_code_and_cost_no_graph_in_compiled_code(
    profiler: CodeProfiler,
) -> None:
    def loss(tensor: Any) -> Any:
        return with_block(profiler, tensor).sum()

    ones, layer = torch.ones(2, 2), torch.nn.Linear(2, 2)
    assert torch.func.grad(loss)(ones).tolist() == [[1, 1], [1, 1]]
    assert vectorized(profiler, ones).tolist() == [[1, 1], [1, 1]]
    layer.forward = profiler.profile_operation("forward")(layer.forward)
    torch.func.functional_call(layer, dict(layer.named_parameters()), (ones,))
    assert counts_of(profiler) == {"attention": 2, "forward": 1}
    for function in (torch.func.grad(loss), lambda tensor: vectorized(profiler, tensor)):
        assert torch.compile(function, backend="eager", fullgraph=True)(ones).tolist() == [[1, 1], [1, 1]]
    assert counts_of(profiler) == {"attention": 2, "forward": 1}


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_traced_and_exported_code_has_no_regions_and_a_scripted_function_is_one(profiler: CodeProfiler) -> None:
    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, tensor: Any) -> Any:
            return with_block(profiler, tensor)

    minus_one = torch.tensor([-1.0])
    traced = torch.jit.trace(Model(), (minus_one,))
    exported = [torch.export.export(Model(), (minus_one,), strict=strict).module() for strict in (True, False)]
    before = counts_of(profiler)
    assert [function(minus_one).item() for function in (traced, *exported)] == [0, 0, 0]
    assert counts_of(profiler) == before
    scripted = profiler.profile_operation("scripted")(torch.jit.script(doubled))
    assert scripted(minus_one).item() == -2
    assert counts_of(profiler) == before | {"scripted": 1}


@pytest.mark.parametrize("measure_memory", [True, False])
@pytest.mark.parametrize("early_stop", [True, False])
def test_the_recomputation_of_an_activation_checkpoint_is_no_failure(
    profiler: CodeProfiler, early_stop: bool, measure_memory: bool
) -> None:
    @profiler.profile_operation("block", measure_memory=measure_memory)
    def block(tensor: Any) -> Any:
        with profiler.profile_operation("inner", measure_memory=measure_memory):
            return torch.sin(tensor * 2).relu()

    with checkpointing.set_checkpoint_early_stop(early_stop):
        for _ in range(3):
            tensor = torch.ones(3, requires_grad=True)
            checkpointing.checkpoint(block, tensor, use_reentrant=False).sum().backward()
    assert counts_of(profiler) == {"block": 6, "inner": 6}
    assert [each.failures for each in profiler.statistics()] == [0, 0]


def test_an_error_in_an_activation_checkpoint_is_one(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("block")
    def block(tensor: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        checkpointing.checkpoint(block, torch.ones(3, requires_grad=True), use_reentrant=False)
    assert statistics_of(profiler)["block"].failures == 1


def test_regions_import_no_torch() -> None:
    program = """
import sys
from seo_engine.profiling import CodeProfiler
profiler = CodeProfiler()
with profiler.profile_operation("region"):
    profiler.profile_operation("decorated")(len)("text")
assert not any(name.split(".")[0] == "torch" for name in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr

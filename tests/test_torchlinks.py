"""Names of PyTorch, and where the documentation of PyTorch 2.13 describes them."""

import pydoc
import subprocess
import sys

import pytest

from chainrule_site.torchlinks import OTHER_NAMES, PAGES, url

ADDRESSES = """
torch.no_grad https://docs.pytorch.org/docs/2.13/generated/torch.no_grad.html#torch.no_grad
torch.enable_grad https://docs.pytorch.org/docs/2.13/generated/torch.enable_grad.html#torch.enable_grad
torch.set_grad_enabled https://docs.pytorch.org/docs/2.13/generated/torch.autograd.grad_mode.set_grad_enabled.html#torch.autograd.grad_mode.set_grad_enabled
torch.inference_mode https://docs.pytorch.org/docs/2.13/generated/torch.autograd.grad_mode.inference_mode.html#torch.autograd.grad_mode.inference_mode
torch.save https://docs.pytorch.org/docs/2.13/generated/torch.save.html#torch.save
torch.load https://docs.pytorch.org/docs/2.13/generated/torch.load.html#torch.load
torch.serialization.add_safe_globals https://docs.pytorch.org/docs/2.13/notes/serialization.html#torch.serialization.add_safe_globals
torch.manual_seed https://docs.pytorch.org/docs/2.13/generated/torch.manual_seed.html#torch.manual_seed
torch.use_deterministic_algorithms https://docs.pytorch.org/docs/2.13/generated/torch.use_deterministic_algorithms.html#torch.use_deterministic_algorithms
torch.compile https://docs.pytorch.org/docs/2.13/generated/torch.compile.html#torch.compile
torch.Tensor.backward https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.backward.html#torch.Tensor.backward
torch.Tensor.clone https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.clone.html#torch.Tensor.clone
torch.Tensor.detach https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.detach.html#torch.Tensor.detach
torch.Tensor.grad https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.grad.html#torch.Tensor.grad
torch.Tensor.requires_grad_ https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.requires_grad_.html#torch.Tensor.requires_grad_
torch.autograd.Function https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.Function
torch.autograd.gradcheck https://docs.pytorch.org/docs/2.13/generated/torch.autograd.gradcheck.gradcheck.html#torch.autograd.gradcheck.gradcheck
torch.autograd.graph.saved_tensors_hooks https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.graph.saved_tensors_hooks
torch.func.jacrev https://docs.pytorch.org/docs/2.13/generated/torch.func.jacrev.html#torch.func.jacrev
torch.amp.GradScaler https://docs.pytorch.org/docs/2.13/amp.html#gradient-scaling
torch.nn.BatchNorm1d https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm1d.html#torch.nn.BatchNorm1d
torch.nn.Dropout https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout.html#torch.nn.Dropout
torch.nn.ReLU https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReLU.html#torch.nn.ReLU
torch.nn.Module.load_state_dict https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict
torch.nn.functional.relu https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.relu.html#torch.nn.functional.relu
torch.nn.modules.utils.consume_prefix_in_state_dict_if_present https://docs.pytorch.org/docs/2.13/nn.aliases.html#torch.nn.modules.utils.consume_prefix_in_state_dict_if_present
torch.nn.parallel.DistributedDataParallel https://docs.pytorch.org/docs/2.13/generated/torch.nn.parallel.DistributedDataParallel.html#torch.nn.parallel.DistributedDataParallel
torch.nn.utils.clip_grad_norm_ https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html#torch.nn.utils.clip_grad_norm_
torch.optim.SGD https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html#torch.optim.SGD
torch.optim.Optimizer.zero_grad https://docs.pytorch.org/docs/2.13/generated/torch.optim.Optimizer.zero_grad.html#torch.optim.Optimizer.zero_grad
torch.optim.lr_scheduler.StepLR https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.StepLR.html#torch.optim.lr_scheduler.StepLR
torch.utils.data.DataLoader https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
torch.distributed.init_process_group https://docs.pytorch.org/docs/2.13/distributed.html#torch.distributed.init_process_group
torch.multiprocessing.spawn https://docs.pytorch.org/docs/2.13/multiprocessing.html#torch.multiprocessing.spawn.spawn
"""
MORE_ADDRESSES = """
torch.Tensor https://docs.pytorch.org/docs/2.13/tensors.html#torch.Tensor
torch.Tensor.grad_fn https://docs.pytorch.org/docs/2.13/autograd.html#autograd-graph
torch.float64 https://docs.pytorch.org/docs/2.13/tensor_attributes.html#torch.dtype
torch.device https://docs.pytorch.org/docs/2.13/tensor_attributes.html#torch.device
torch.relu https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.relu.html#torch.nn.functional.relu
torch.random.fork_rng https://docs.pytorch.org/docs/2.13/random.html#torch.random.fork_rng
torch.autocast https://docs.pytorch.org/docs/2.13/amp.html#torch.autocast
torch.autograd.grad https://docs.pytorch.org/docs/2.13/generated/torch.autograd.grad.html#torch.autograd.grad
torch.autograd.set_detect_anomaly https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.set_detect_anomaly
torch.autograd.Function.backward https://docs.pytorch.org/docs/2.13/generated/torch.autograd.Function.backward.html#torch.autograd.Function.backward
torch.autograd.function.FunctionCtx.save_for_backward https://docs.pytorch.org/docs/2.13/generated/torch.autograd.function.FunctionCtx.save_for_backward.html#torch.autograd.function.FunctionCtx.save_for_backward
torch.autograd.graph.Node.register_hook https://docs.pytorch.org/docs/2.13/generated/torch.autograd.graph.Node.register_hook.html#torch.autograd.graph.Node.register_hook
torch.nn.Flatten https://docs.pytorch.org/docs/2.13/generated/torch.nn.modules.flatten.Flatten.html#torch.nn.modules.flatten.Flatten
torch.nn.Parameter https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html#torch.nn.parameter.Parameter
torch.nn.init.constant_ https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.constant_
torch.nn.Linear https://docs.pytorch.org/docs/2.13/generated/torch.nn.Linear.html#torch.nn.Linear
torch.nn.Linear.load_state_dict https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict
torch.optim.Optimizer https://docs.pytorch.org/docs/2.13/optim.html#torch.optim.Optimizer
torch.optim.SGD.state_dict https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html#torch.optim.SGD.state_dict
torch.utils.checkpoint.checkpoint_sequential https://docs.pytorch.org/docs/2.13/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential
"""
MODULES = """
torch https://docs.pytorch.org/docs/2.13/torch.html
torch.autograd https://docs.pytorch.org/docs/2.13/autograd.html
torch.distributed https://docs.pytorch.org/docs/2.13/distributed.html
torch.nn.functional https://docs.pytorch.org/docs/2.13/nn.functional.html
torch.nn.parallel https://docs.pytorch.org/docs/2.13/nn.html
torch.utils.data https://docs.pytorch.org/docs/2.13/data.html
"""


def pairs(text):
    rows = [line.split() for line in text.strip().splitlines()]
    return [pytest.param(*row, id=row[0]) for row in rows]


@pytest.mark.parametrize(("name", "address"), pairs(ADDRESSES))
def test_a_name_has_the_address_it_has_in_the_documentation(name, address):
    assert url(name) == address


@pytest.mark.parametrize(("name", "address"), pairs(MORE_ADDRESSES))
def test_names_near_the_exceptions_have_theirs_too(name, address):
    assert url(name) == address


@pytest.mark.parametrize(("name", "address"), pairs(MODULES))
def test_a_module_is_a_page_and_not_a_place_on_it(name, address):
    assert url(name) == address


@pytest.mark.parametrize(
    "name",
    [
        "torch.no_grda",
        "torch.Tensor.backwards",
        "torch.nn.Modul.load_state_dict",
        "torch.nn.Module.load_statedict",
        "torch.autograd.graph.saved_tensor_hooks",
        "torch.distribted.init_process_group",
        "Torch.no_grad",
    ],
)
def test_a_typo_has_no_address(name):
    assert url(name) is None


@pytest.mark.parametrize(
    "name", ["torch.", "torch..save", "torch.save()", "torch save", ""]
)
def test_what_is_not_a_dotted_name_has_no_address(name):
    assert url(name) is None


@pytest.mark.parametrize(
    "name", ["print", "os.path.join", "torchvision", "pytest.raises"]
)
def test_a_name_outside_torch_has_no_address(name):
    assert url(name) is None


def test_a_name_that_cannot_be_imported_has_no_address(monkeypatch):
    def fail(name):
        raise pydoc.ErrorDuringImport(name, (ImportError, ImportError("missing"), None))

    monkeypatch.setattr(pydoc, "locate", fail)
    assert url("torch.wants.another.package") is None


@pytest.mark.parametrize("name", [*OTHER_NAMES, *PAGES])
def test_every_exception_is_about_a_name_that_exists(name):
    assert url(name.removesuffix("."))


def test_pytorch_is_not_imported_before_it_is_asked_about():
    code = "import sys, chainrule_site.torchlinks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

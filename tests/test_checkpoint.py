"""The prefix comes off and goes on, and a file that does not fit changes nothing."""

import re
from collections import OrderedDict
from copy import deepcopy
from pickle import UnpicklingError

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present
from torch.nn.parallel import DistributedDataParallel

from chainrule.checkpoint import add_prefix, load, strip_prefix


class Net(nn.Module):
    """Layers whose names hold the prefix, and one whose format has a version."""

    def __init__(self):
        super().__init__()
        self.submodule = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.out = nn.Linear(3, 1)

    def forward(self, x):
        """Return one value a row."""
        return self.out(self.norm(self.submodule(x)).tanh())


class Wrapper(nn.Module):
    """What DistributedDataParallel is to a state dict."""

    def __init__(self, module):
        super().__init__()
        self.module = module


def same(model, state):
    own = model.state_dict()
    pairs = zip(own.values(), state.values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def saved(folder, state):
    torch.save(state, folder / "file.pt")
    return folder / "file.pt"


def refused(model, path, message, kind=ValueError):
    before = deepcopy(model.state_dict())
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        load(model, path)
    assert same(model, before)


def test_adding_a_prefix_gives_the_names_of_a_wrapped_model():
    net = Net()
    assert list(add_prefix(net.state_dict())) == list(Wrapper(net).state_dict())


def test_stripping_the_prefix_gives_the_names_of_the_model():
    net = Net()
    assert list(strip_prefix(Wrapper(net).state_dict())) == list(net.state_dict())


def test_the_tensors_are_the_same_ones():
    state = Net().state_dict()
    for renamed in (add_prefix(state), strip_prefix(add_prefix(state))):
        pairs = zip(state.values(), renamed.values(), strict=True)
        assert all(a is b for a, b in pairs)


def test_adding_and_stripping_undo_each_other_versions_included():
    state = Net().state_dict()
    again = strip_prefix(add_prefix(state))
    assert list(again) == list(state)
    assert again._metadata == state._metadata


def test_what_is_given_is_left_as_it_is():
    state = Wrapper(Net()).state_dict()
    names, versions = list(state), deepcopy(state._metadata)
    strip_prefix(state)
    add_prefix(state)
    assert list(state) == names
    assert state._metadata == versions


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_stripping_equals_what_torch_does_in_place(prefix):
    state = add_prefix(Net().state_dict(), prefix)
    ours = strip_prefix(state, prefix)
    consume_prefix_in_state_dict_if_present(state, prefix)
    assert list(ours) == list(state)
    assert ours._metadata == state._metadata


def test_a_plain_dict_will_do():
    assert strip_prefix({"module.module.w": 1}) == {"module.w": 1}


def test_stripping_refuses_names_without_the_prefix():
    state = {"module.w": 1, "out.w": 2, "module_list.w": 3}
    message = "every name must start with module., got out.w, module_list.w"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        strip_prefix(state)


@pytest.mark.parametrize("target", [Net, lambda: Wrapper(Net())])
@pytest.mark.parametrize("source", [Net, lambda: Wrapper(Net())])
def test_either_form_loads_into_either_model(tmp_path, source, target):
    state, model = source().state_dict(), target()
    assert not same(model, state)
    load(model, saved(tmp_path, state))
    assert same(model, state)


def test_another_prefix_can_be_named(tmp_path):
    net, model = Net(), Net()
    compiled = torch.compile(net, backend="eager")
    load(model, saved(tmp_path, compiled.state_dict()), "_orig_mod.")
    assert same(model, net.state_dict())


@pytest.mark.parametrize("wrap", [lambda net: net, Wrapper])
def test_a_layer_called_module_keeps_its_name(tmp_path, wrap):
    layers = {"module": nn.Linear(1, 1), "out": nn.Linear(1, 1)}
    state = wrap(nn.ModuleDict(layers)).state_dict()
    model = nn.ModuleDict({name: nn.Linear(1, 1) for name in layers})
    load(model, saved(tmp_path, state))
    assert same(model, state)


def test_a_model_whose_only_child_is_called_module_takes_its_wrapped_file(tmp_path):
    state = Wrapper(Wrapper(nn.Linear(1, 1))).state_dict()
    model = Wrapper(nn.Linear(1, 1))
    load(model, saved(tmp_path, state))
    assert same(model, state)


def test_the_versions_of_the_layers_reach_the_model(tmp_path):
    seen = []

    class Versioned(nn.Linear):
        _version = 7

        def _load_from_state_dict(self, state, prefix, metadata, *rest):
            seen.append(metadata.get("version"))
            super()._load_from_state_dict(state, prefix, metadata, *rest)

    for wrap in (Wrapper, lambda net: net):
        net = nn.Sequential(Versioned(1, 1))
        load(nn.Sequential(Versioned(1, 1)), saved(tmp_path, wrap(net).state_dict()))
        load(Wrapper(nn.Sequential(Versioned(1, 1))), tmp_path / "file.pt")
    assert seen == [7, 7, 7, 7]


def test_weights_saved_on_a_gpu_load_without_one(tmp_path, monkeypatch):
    def tagged(storage):
        return "cuda:0"

    first = (0, tagged, lambda storage, location: None)
    registry = [first, *torch.serialization._package_registry]
    net, model = nn.Linear(1, 1), nn.Linear(1, 1)
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "_package_registry", registry)
        path = saved(tmp_path, net.state_dict())
    places = []
    torch.load(
        path, map_location=lambda storage, place: places.append(place) or storage
    )
    assert places == ["cuda:0", "cuda:0"]
    load(model, path)
    assert same(model, net.state_dict())


def test_half_renamed_names_are_refused_and_named(tmp_path):
    state = OrderedDict(nn.Linear(1, 1).state_dict())
    state["module.bias"] = state.pop("bias")
    path = saved(tmp_path, state)
    message = f"{path} does not fit Linear: unknown module.bias, missing bias"
    refused(nn.Linear(1, 1), path, message)


def test_names_of_another_model_are_refused_without_the_prefix(tmp_path):
    path = saved(tmp_path, Wrapper(nn.Linear(1, 1)).state_dict())
    message = f"{path} does not fit Conv1d: missing extra"
    model = nn.Conv1d(1, 1, 1)
    model.register_buffer("extra", torch.zeros(1))
    refused(model, path, message + ", weight must be (1, 1, 1), got (1, 1)")


def test_a_wrong_shape_is_refused_before_anything_is_copied(tmp_path):
    path = saved(tmp_path, nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 3)).state_dict())
    misfits = "1.weight must be (1, 2), got (3, 2), 1.bias must be (1,), got (3,)"
    model = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    refused(model, path, f"{path} does not fit Sequential: {misfits}")


def test_what_is_no_tensor_is_refused_before_anything_is_copied(tmp_path):
    path = saved(tmp_path, nn.Linear(1, 1).state_dict() | {"bias": 3})
    message = f"{path} does not fit Linear: bias must be (1,), got int"
    refused(nn.Linear(1, 1), path, message)


def test_a_whole_training_state_is_refused_with_its_keys(tmp_path):
    path = saved(tmp_path, {"model": nn.Linear(1, 1).state_dict(), "epoch": 3})
    misfits = "unknown model, unknown epoch, missing weight, missing bias"
    refused(nn.Linear(1, 1), path, f"{path} does not fit Linear: {misfits}")


def test_a_file_that_holds_no_dict_is_refused(tmp_path):
    path = saved(tmp_path, torch.zeros(1))
    message = f"{path} must hold a dict, got Tensor"
    refused(nn.Linear(1, 1), path, message, kind=TypeError)


def test_a_pickled_model_is_refused(tmp_path):
    path = saved(tmp_path, nn.Linear(1, 1))
    with pytest.raises(UnpicklingError, match=r"^Weights only load failed"):
        load(nn.Linear(1, 1), path)


def inputs():
    x = torch.linspace(-1, 1, 16).reshape(8, 2)  # (N, D)
    return x, x.prod(dim=1, keepdim=True)


def trained(model, x, y):
    for _ in range(3):
        model.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.5 * parameter.grad
    return model


def perceptron():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()


def in_two_processes(rank, folder):
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    train_and_save(rank, folder)
    dist.barrier()
    dist.destroy_process_group()  # all wrappers are gone: one left could wait for ever


def train_and_save(rank, folder):
    x, y = inputs()
    half = slice(rank, None, 2)
    many = DistributedDataParallel(perceptron())
    trained(many, x[half].double(), y[half].double())
    if rank == 0:
        torch.save(many.state_dict(), folder / "many.pt")
    dist.barrier()
    fresh = DistributedDataParallel(nn.Sequential(*map(deepcopy, perceptron())))
    load(fresh, folder / "one.pt")
    torch.save(fresh.module.state_dict(), folder / f"loaded{rank}.pt")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_two_real_processes_and_one_exchange_their_weights(tmp_path):
    x, y = inputs()
    one = trained(perceptron(), x.double(), y.double())
    torch.save(one.state_dict(), tmp_path / "one.pt")
    mp.start_processes(in_two_processes, (tmp_path,), nprocs=2, start_method="fork")
    model = perceptron()
    load(model, tmp_path / "many.pt")
    for ours, theirs in zip(model.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    for rank in (0, 1):
        assert same(one, torch.load(tmp_path / f"loaded{rank}.pt"))

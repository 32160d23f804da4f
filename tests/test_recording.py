"""What is counted while autograd records, against what can be counted by hand."""

import copy
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from torch import nn

from chainrule.recording import Record, count_bytes, count_nodes, is_allowed, measure

N, D, H = 100, 8, 32
ARRAY = N * H * 4
NOTHING = Record(nodes=0, saved=0, kept=0, reusable=True, writable=True)


@pytest.fixture
def x():
    torch.manual_seed(666)
    return torch.rand(N, D)


@pytest.fixture
def net(x):
    layers = [nn.Linear(D, H), nn.BatchNorm1d(H), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(H, 1))


@pytest.fixture
def given(x, net):
    return [x, *net.parameters(), *net.buffers()]


def call(net, x, *modes):
    if not modes:
        return net(x)
    with modes[0]():
        return call(net, x, *modes[1:])


def test_a_leaf_has_no_nodes_and_a_product_of_two_has_three():
    a, b = (torch.ones(3, requires_grad=True) for _ in range(2))
    assert count_nodes(a) == 0
    assert count_nodes(a * b) == 3


def test_a_node_reached_on_two_ways_counts_once():
    a = torch.ones(3, requires_grad=True)
    square = a * a
    assert count_nodes(square) == 2
    assert count_nodes(square + square) == 3


def test_a_hundred_doublings_have_a_hundred_nodes_not_all_their_paths():
    total = torch.ones((), requires_grad=True)
    for _ in range(100):
        total = total + total
    assert count_nodes(total) == 101


def test_a_constant_has_no_node():
    a = torch.ones(3, requires_grad=True)
    assert count_nodes(a * torch.ones(3)) == 2


def test_a_long_chain_is_counted_without_recursion():
    w = torch.ones((), requires_grad=True)
    total = w
    for _ in range(5000):
        total = total + w
    assert count_nodes(total) == 5001


def test_views_count_once_with_their_whole_storage():
    x = torch.zeros(10, dtype=torch.float64)
    assert count_bytes([x[:2], x[5:], x]) == 80
    assert count_bytes([torch.zeros(1).expand(1000)]) == 4


def test_given_storages_are_left_out_even_through_a_view():
    x, y = torch.zeros(10), torch.zeros(3)
    assert count_bytes([x, y], given=[x[4:5]]) == 12


def test_a_tensor_without_storage_is_refused():
    with pytest.raises(NotImplementedError) as caught:
        count_bytes([torch.eye(2).to_sparse()])
    assert str(caught.value) == "Cannot access storage of SparseTensorImpl"


def test_only_runtime_errors_mean_refused():
    assert is_allowed(lambda: torch.ones(2))
    assert not is_allowed(lambda: torch.ones(2) @ torch.ones(3))
    with pytest.raises(ZeroDivisionError):
        is_allowed(lambda: 1 / 0)


def test_saved_bytes_are_those_counted_by_hand(net, x, given):
    row = measure(lambda: net(x), given)
    assert row == Record(13, 4 * ARRAY + 2 * H * 4, 4 * ARRAY + 2 * H * 4, True, True)


def test_nothing_given_counts_weights_and_input_too(net, x, given):
    norm = net[1]
    used = [x, norm.weight, norm.running_mean, norm.running_var, net[4].weight]
    extra = measure(lambda: net(x)).saved - measure(lambda: net(x), given).saved
    assert extra == count_bytes(used)


def test_eval_still_records_all_but_dropout_and_batch_statistics(net, x, given):
    assert measure(lambda: net.eval()(x), given)[:3] == (12, 2 * ARRAY, 2 * ARRAY)


def test_eval_changes_nothing_without_dropout_and_normalization(x):
    net = nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Linear(H, 1))
    train = measure(lambda: net(x))
    assert measure(lambda: net.eval()(x)) == train


def test_detach_saves_as_much_as_the_plain_call_and_keeps_nothing(net, x, given):
    plain = measure(lambda: net(x), given)
    cut = measure(lambda: net(x).detach(), given)
    assert cut == NOTHING._replace(saved=plain.saved)


def test_detach_in_the_middle_keeps_the_graph_after_it(net, x, given):
    row = measure(lambda: net[4:](net[:4](x).detach()), given)
    assert row == Record(4, 4 * ARRAY + 2 * H * 4, ARRAY, True, True)


def test_no_grad_in_the_middle_never_saves_what_comes_before(net, x, given):
    row = measure(lambda: net[4:](call(net[:4], x, torch.no_grad)), given)
    assert row == Record(4, ARRAY, ARRAY, True, True)


def test_detach_on_the_input_changes_nothing(net, x, given):
    plain = measure(lambda: net(x), given)
    assert measure(lambda: net(x.detach()), given) == plain


@pytest.mark.parametrize(
    "mode", [torch.no_grad, partial(torch.set_grad_enabled, False)]
)
def test_no_grad_records_nothing_and_its_result_stays_usable(net, x, given, mode):
    assert measure(lambda: call(net, x, mode), given) == NOTHING


def test_inference_mode_records_nothing_and_its_result_is_refused(net, x, given):
    row = measure(lambda: call(net, x, torch.inference_mode), given)
    assert row == Record(0, 0, 0, reusable=False, writable=False)


def test_enable_grad_undoes_no_grad_but_not_inference_mode(net, x, given):
    plain = measure(lambda: net(x), given)
    inner = torch.enable_grad
    assert measure(lambda: call(net, x, torch.no_grad, inner), given) == plain
    row = measure(lambda: call(net, x, torch.inference_mode, inner), given)
    assert row == Record(0, 0, 0, reusable=False, writable=False)


@pytest.mark.parametrize("outer", [torch.no_grad, torch.inference_mode])
def test_inference_mode_false_switches_recording_on(net, x, given, outer):
    plain = measure(lambda: net(x), given)
    off = partial(torch.inference_mode, False)
    assert measure(lambda: call(net, x, outer, off), given) == plain


def test_a_clone_or_a_sum_makes_an_inference_tensor_usable(net, x):
    features = call(net, x, torch.inference_mode)
    assert measure(features.clone)[3:] == (True, True)
    assert measure(lambda: features + 0)[3:] == (True, True)
    assert measure(lambda: features[0])[3:] == (False, False)
    assert is_allowed(lambda: features + torch.ones(1, requires_grad=True))


def test_an_inference_tensor_is_refused_in_the_words_of_the_lesson(net, x):
    features = call(net, x, torch.inference_mode)
    with pytest.raises(RuntimeError) as saving:
        features * torch.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError) as writing:
        features.mul_(1)
    assert str(saving.value) == (
        "Inference tensors cannot be saved for backward. Please do not use Tensors "
        "created in inference mode in computation tracked by autograd. To work around "
        "this, you can make a clone to get a normal tensor and use it in autograd, or "
        "use `torch.no_grad()` instead of `torch.inference_mode()`."
    )
    assert str(writing.value) == (
        "Inplace update to inference tensor outside InferenceMode is not allowed."
        "You can make a clone to get a normal tensor before doing inplace update."
        "See https://github.com/pytorch/rfcs/pull/17 for more details."
    )


def test_a_running_total_keeps_every_graph_and_item_none(net, x, given):
    net.eval()

    def total(batches, number):
        return sum(number(net(x).mean()) for _ in range(batches)) + torch.zeros(())

    one, ten = (measure(partial(total, n, lambda t: t), given) for n in (1, 10))
    assert ten.kept == 10 * one.kept > 0
    assert measure(partial(total, 10, torch.Tensor.item), given).kept == 0


def test_freezing_the_body_saves_only_the_input_of_the_head(net, x, given):
    net[:4].requires_grad_(False)
    assert measure(lambda: net(x), given).saved == ARRAY
    net.requires_grad_(False)
    assert measure(lambda: net(x), given) == NOTHING


def test_the_modes_are_tried_with_recording_on_whatever_is_around(net, x, given):
    with torch.no_grad():
        inference = measure(lambda: call(net, x, torch.inference_mode), given)
        assert measure(lambda: net(x), given) == NOTHING
    assert not inference.reusable
    assert not inference.writable


def test_another_thread_records_under_no_grad(net, x, given):
    with torch.no_grad(), ThreadPoolExecutor(1) as pool:
        nodes = pool.submit(lambda: measure(lambda: net(x), given).nodes).result()
    assert nodes == 13


def test_integer_results_are_measured_too():
    assert measure(lambda: torch.arange(3)) == NOTHING


def test_measuring_changes_neither_weights_nor_gradients_nor_values(x):
    net = nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Linear(H, 1))
    before = copy.deepcopy(net.state_dict())
    results = []
    measure(lambda: results.append(net(x)) or results[0])
    assert torch.equal(results[0], net(x))
    assert all(torch.equal(before[name], w) for name, w in net.state_dict().items())
    assert all(w.grad is None for w in net.parameters())


def test_backward_while_measured_equals_backward_and_central_differences():
    torch.manual_seed(666)
    w = torch.rand(3, dtype=torch.float64, requires_grad=True)

    def loss(w):
        return (w.exp() * w.sin()).sum()

    def gradient():
        return torch.autograd.grad(loss(w), w)[0]

    measured = []
    measure(lambda: measured.append(gradient()) or measured[0].clone())
    steps = 1e-6 * torch.eye(3, dtype=torch.float64)
    with torch.no_grad():
        slopes = torch.stack([(loss(w + h) - loss(w - h)) / 2e-6 for h in steps])
    assert torch.equal(measured[0], gradient())
    assert torch.allclose(measured[0], slopes, rtol=1e-8)

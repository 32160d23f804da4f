"""Who saved a tensor that backward needs, and who overwrote it."""

import copy
import gc
import inspect
import weakref
from contextlib import nullcontext

import pytest
import torch
from torch import nn

import chainrule.inplace
from chainrule.detective import detective

MODIFIED = (
    "one of the variables needed for gradient computation has been modified by an "
    "inplace operation: "
)
OURS = "saved by"
ONCE = "[torch.FloatTensor [2]] is at version 1; expected version 0 instead"
CHANGED = "[torch.FloatTensor [2]] is still at version 0, with other numbers"


def vector():
    return torch.tensor([-1.0, 2.0], requires_grad=True)


def network(*layers):
    torch.manual_seed(0)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return nn.Sequential(*layers)


def complaint(program, *given):
    """Return what a program raises; without the detective torch raises as well."""
    with pytest.raises(RuntimeError, match=MODIFIED) as raised:
        program(*copy.deepcopy(given))
    assert OURS not in str(raised.value)
    return only_with_the_detective(program, *given)


def only_with_the_detective(program, *given):
    with pytest.raises(RuntimeError, match=MODIFIED) as raised, detective():
        program(*given)
    return str(raised.value)


def told(program, what, saved, *overwritten):
    """Return the whole text expected; `relu_: y = h` stands for the program's line."""
    source, first = inspect.getsourcelines(program)
    places = [f"saved by {saved}", *(f"overwritten by {each}" for each in overwritten)]
    for n, place in enumerate(places):
        name, _, text = place.partition(": ")
        text, _, times = text.partition("  x")
        (line,) = [k for k, s in enumerate(source, first) if s.strip() == text]
        often = f" ({times} times)" * bool(times)
        places[n] = f"{name} at {__file__}:{line}: {text}{often}"
    return "\n  ".join([f"{MODIFIED}{what}.", *places])


def test_it_is_reachable_where_writes_in_place_are_judged():
    assert chainrule.inplace.detective is detective


def test_a_saved_output_that_was_overwritten_is_told():
    def program():
        y = torch.sigmoid(vector())
        z = 2 * y
        y += 1
        z.sum().backward()

    saved = "SigmoidBackward0: y = torch.sigmoid(vector())"
    assert complaint(program) == told(program, ONCE, saved, "add_: y += 1")


def test_an_overwritten_input_is_told_with_the_operation_that_saved_it():
    def program():
        h = 3 * vector()
        y = h.square()
        h.tanh_()
        y.sum().backward()

    saved = "PowBackward0: y = h.square()"
    assert complaint(program) == told(program, ONCE, saved, "tanh_: h.tanh_()")


def test_a_relu_in_place_is_told_with_its_place_in_the_model():
    def program(model):
        y = model(vector())
        y.sum().backward()

    model = network(nn.Linear(2, 2), nn.Sigmoid(), nn.ReLU(inplace=True))
    assert complaint(program, model) == told(
        program,
        ONCE,
        "SigmoidBackward0 in Sequential.1: y = model(vector())",
        "relu_ in Sequential.2: y = model(vector())",
    )


COUNTED = {
    "sgd": (torch.optim.SGD, {}, ["add_"]),
    "sgd with momentum and decay": (
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.1},
        ["add_"],
    ),
    "adam": (torch.optim.Adam, {}, ["addcdiv_"]),
    "adamw": (torch.optim.AdamW, {}, ["mul_", "addcdiv_"]),
}


def step_between(model, make, options):
    optimizer = make(model.parameters(), lr=0.1, **options)
    total = model(vector()).sum()
    total.backward(retain_graph=True)
    optimizer.step()
    total.backward()


@pytest.mark.parametrize("name", COUNTED)
def test_an_optimizer_that_steps_between_forward_and_backward_is_told(name):
    make, options, writes = COUNTED[name]
    model = network(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    old = model[2].weight._version
    versions = f"is at version {old + len(writes)}; expected version {old} instead"
    assert complaint(step_between, model, make, options) == told(
        step_between,
        f"[torch.FloatTensor [3, 1]] {versions}",
        "AddmmBackward0 in Sequential.2: total = model(vector()).sum()",
        *(f"{write}: optimizer.step()" for write in writes),
    )


UNCOUNTED = {
    "_foreach_add_": (torch.optim.SGD, {"foreach": True}),
    "_foreach_addcdiv_": (torch.optim.Adam, {"foreach": True}),
    "_fused_sgd_": (torch.optim.SGD, {"fused": True}),
    "_fused_adam_": (torch.optim.Adam, {"fused": True}),
}


@pytest.mark.parametrize("write", UNCOUNTED)
def test_an_optimizer_that_writes_into_all_weights_at_once_is_told_too(write):
    model = network(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    old = model[2].weight._version
    still = f"is still at version {old}, with other numbers"
    assert only_with_the_detective(step_between, model, *UNCOUNTED[write]) == told(
        step_between,
        f"[torch.FloatTensor [3, 1]] {still}",
        "AddmmBackward0 in Sequential.2: total = model(vector()).sum()",
        f"{write}: optimizer.step()",
    )


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_without_the_detective_a_fused_step_between_goes_unnoticed(make):
    model = network(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    step_between(model, make, {"fused": True})


def test_a_write_into_a_view_is_told():
    def program():
        y = vector().exp()
        y.view(2, 1)[1:].zero_()
        y.sum().backward()

    saved = "ExpBackward0: y = vector().exp()"
    write = "zero_: y.view(2, 1)[1:].zero_()"
    assert complaint(program) == told(program, ONCE, saved, write)


def test_a_write_into_the_tensor_of_which_a_view_was_saved_is_told():
    def program():
        h = 3 * vector()
        y = h[:1].square()
        h.neg_()
        y.sum().backward()

    what = ONCE.replace("[2]", "[1]")
    saved = "PowBackward0: y = h[:1].square()"
    assert complaint(program) == told(program, what, saved, "neg_: h.neg_()")


def test_out_is_told():
    def program():
        y = vector().exp()
        with torch.no_grad():
            torch.add(y, 1, out=y)
        y.sum().backward()

    saved = "ExpBackward0: y = vector().exp()"
    assert complaint(program) == told(
        program, ONCE, saved, "add: torch.add(y, 1, out=y)"
    )


def test_setting_elements_is_told():
    def program():
        y = vector().exp()
        y[y > 1] = 0
        y.sum().backward()

    saved = "ExpBackward0: y = vector().exp()"
    assert complaint(program) == told(program, ONCE, saved, "index_put_: y[y > 1] = 0")


def test_several_writes_are_told_in_order_and_repeated_ones_once():
    def program():
        y = vector().exp()
        y.neg_()
        for _ in range(3):
            y += 1
            y.mul_(2)
        y.neg_()
        y.sum().backward()

    source, first = inspect.getsourcelines(program)
    assert source[2].strip() == source[6].strip() == "y.neg_()"
    where = f"at {__file__}:"
    assert complaint(program).splitlines()[1:] == [
        f"  saved by ExpBackward0 {where}{first + 1}: y = vector().exp()",
        f"  overwritten by neg_ {where}{first + 2}: y.neg_()",
        f"  overwritten by add_ {where}{first + 4}: y += 1 (3 times)",
        f"  overwritten by mul_ {where}{first + 5}: y.mul_(2) (3 times)",
        f"  overwritten by neg_ {where}{first + 6}: y.neg_()",
    ]


def test_writes_before_the_save_are_not_told():
    def program():
        h = 3 * vector()
        h.neg_()
        y = h.square()
        h += 1
        y.sum().backward()

    versions = "is at version 2; expected version 1 instead"
    assert complaint(program) == told(
        program,
        f"[torch.FloatTensor [2]] {versions}",
        "PowBackward0: y = h.square()",
        "add_: h += 1",
    )


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        h = torch.sigmoid(x)
        return self.act(h)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def test_a_module_of_the_users_is_told_by_its_own_line_and_name():
    def program(model):
        model(vector()).sum().backward()

    assert complaint(program, nn.Sequential(Net())) == told(
        Block.forward,
        ONCE,
        "SigmoidBackward0 in Sequential.0.blocks.1: h = torch.sigmoid(x)",
        "relu_ in Sequential.0.blocks.1.act: return self.act(h)",
    )


def test_a_module_that_its_caller_does_not_own_is_told_by_its_class():
    class Outer(nn.Module):
        def forward(self, x):
            return layers[0](x)

    layers = [Block()]

    def program():
        Outer()(vector()).sum().backward()

    assert "saved by SigmoidBackward0 in Outer.Block at" in complaint(program)


def test_a_forward_that_calls_that_of_its_parent_is_named_once():
    class Child(Block):
        def forward(self, x):
            return super().forward(x)

    def program():
        Child()(vector()).sum().backward()

    assert "saved by SigmoidBackward0 in Child at" in complaint(program)
    assert "overwritten by relu_ in Child.act at" in only_with_the_detective(program)


def test_an_operation_of_the_users_own_is_told_by_its_name():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * dy

    def program():
        h = 3 * vector()
        y = Cube.apply(h)
        h.zero_()
        y.sum().backward()

    saved = "CubeBackward: y = Cube.apply(h)"
    assert complaint(program) == told(program, ONCE, saved, "zero_: h.zero_()")


def test_a_second_backward_is_told_who_overwrote_what_the_first_one_saved():
    def program():
        x = vector()
        (dx,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        with torch.no_grad():
            x.add_(1)
        dx.sum().backward()

    assert complaint(program).splitlines()[2:] == [
        told(program, "", "_: x = vector()", "add_: x.add_(1)").splitlines()[2]
    ]


def test_a_write_through_data_is_told_though_torch_does_not_see_it():
    def program():
        y = torch.sigmoid(vector())
        y.data += 1
        y.sum().backward()

    program()
    saved = "SigmoidBackward0: y = torch.sigmoid(vector())"
    write = "add_: y.data += 1"
    assert only_with_the_detective(program) == told(program, CHANGED, saved, write)


def through_data_and_back():
    y = torch.sigmoid(vector())
    y.data *= 2
    y.data /= 2
    y.sum().backward()


def through_data_beside_it():
    x = torch.ones(4, requires_grad=True)
    h = 2 * x
    y = h[:2].square()
    h.data[2:] = 7
    y.sum().backward()


@pytest.mark.parametrize("program", [through_data_and_back, through_data_beside_it])
def test_a_write_through_data_that_leaves_the_saved_numbers_is_let_pass(program):
    with detective():
        program()


def test_a_write_that_no_operator_made_is_not_blamed_on_anybody():
    def program():
        y = torch.sigmoid(vector())
        y.detach().numpy()[:] = 0
        torch.autograd.graph.increment_version(y)
        y.sum().backward()

    unseen = "  overwritten outside the detective, or not by an operator of PyTorch"
    assert complaint(program).splitlines()[2:] == [unseen]


def test_a_write_after_the_detective_left_is_not_blamed_on_anybody():
    with detective():
        y = torch.sigmoid(vector())
    y += 1
    with pytest.raises(RuntimeError, match="overwritten outside the detective"):
        y.sum().backward()


def test_asking_the_graph_for_an_overwritten_tensor_is_told_too():
    with detective():
        y = torch.sigmoid(vector())
        y += 1
        node = y.grad_fn.next_functions[0][0]
        with pytest.raises(RuntimeError, match=r"saved by a node at .*y = torch.sigm"):
            _ = node._saved_result


def test_memory_that_was_used_before_has_no_culprits():
    def program():
        for _ in range(50):
            torch.full((1000,), 2.0).mul_(3)
        y = torch.full((1000,), 2.0, requires_grad=True).exp()
        for _ in range(50):
            torch.full((1000,), 2.0).mul_(3)
        y += 1
        y.sum().backward()

    saved = "ExpBackward0: y = torch.full((1000,), 2.0, requires_grad=True).exp()"
    what = ONCE.replace("[2]", "[1000]")
    assert complaint(program) == told(program, what, saved, "add_: y += 1")


def test_empty_tensors_do_not_share_their_culprits():
    with detective():
        y = torch.empty(0, requires_grad=True).exp()
        torch.empty(0).add_(1)
        y.sum().backward()


def test_nothing_is_kept_once_the_graph_is_gone():
    with detective():
        y = vector().exp()
        memory = weakref.ref(y.untyped_storage())
        y.sum().backward()
        del y
        gc.collect()
        assert memory() is None


def test_the_detective_keeps_no_graph_alive():
    with detective():
        x = vector()
        held = weakref.ref(x)
        x.exp()
        del x
        gc.collect()
        assert held() is None


def gradients(context, model, x, times=2):
    """Return the gradients after some steps of training, and the weights."""
    torch.manual_seed(1)
    model = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    found = []
    with context():
        for _ in range(times):
            optimizer.zero_grad()
            y = model(x)
            y = y[0] if isinstance(y, tuple) else y
            y.square().mean().backward()
            optimizer.step()
            found += [p.grad.clone() for p in model.parameters()]
    return found + list(model.parameters())


class Attention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x)


FLAT, SERIES, IMAGES = torch.randn(6, 8), torch.randn(4, 5, 8), torch.randn(4, 3, 8, 8)
CORRECT = {
    "relu in place": (
        network(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 1)),
        FLAT,
    ),
    "silu in place": (network(nn.Linear(8, 8), nn.SiLU(inplace=True)), FLAT),
    "dropout in place": (network(nn.Linear(8, 8), nn.Dropout(inplace=True)), FLAT),
    "rrelu": (network(nn.Linear(8, 8), nn.RReLU(), nn.RReLU(inplace=True)), FLAT),
    "convolution": (
        network(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(36, 2),
            nn.LogSoftmax(1),
        ),
        IMAGES,
    ),
    "lstm": (nn.LSTM(8, 3, num_layers=2, dropout=0.5), SERIES),
    "attention": (Attention(8, 2, dropout=0.1), SERIES),
    "transformer": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), SERIES),
}


@pytest.mark.parametrize("name", CORRECT)
def test_correct_programs_learn_the_same_to_the_last_bit(name):
    plain = gradients(nullcontext, *CORRECT[name])
    watched = gradients(detective, *CORRECT[name])
    assert all(map(torch.equal, plain, watched))


def test_second_derivatives_are_the_same_to_the_last_bit():
    def second(context):
        x = torch.linspace(-1, 1, 7, requires_grad=True)
        with context():
            y = (x.tanh() * x.exp()).relu_().sum()
            (dx,) = torch.autograd.grad(y, x, create_graph=True)
            return torch.autograd.grad(dx.square().sum(), x)[0]

    assert torch.equal(second(nullcontext), second(detective))


def test_two_forward_passes_through_a_batch_norm_are_no_mistake():
    norm = nn.BatchNorm1d(2)
    x = torch.tensor([[0.0, 1.0], [2.0, 5.0]], requires_grad=True)
    with detective():
        first, second = norm(x), norm(x)
        (first + second).square().sum().backward()


def test_an_update_after_backward_is_no_mistake():
    w = vector()
    with detective():
        for _ in range(2):
            (w**3).sum().backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
                w.grad.zero_()


def test_sparse_tensors_are_let_pass():
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    weights = torch.eye(2).to_sparse()
    with detective():
        for _ in range(2):
            torch.sparse.mm(weights, table(torch.tensor([1, 3]))).sum().backward()
            optimizer.step()


def test_it_counts_what_it_saw():
    x = vector()
    with detective() as seen:
        y = (2 * x).exp()
        y.sum().backward()
        x.grad.zero_()
    assert seen == {"operators": 10, "saved": 1, "writes": 1}


def test_after_an_error_torch_is_as_it_was():
    def program():
        y = torch.sigmoid(vector())
        y += 1
        y.sum().backward()

    with pytest.raises(RuntimeError, match=OURS), detective() as seen:
        program()
    before = dict(seen)
    with pytest.raises(RuntimeError, match="which is output 0 of Sigmoid, is at vers"):
        program()
    assert seen == before


def test_an_error_of_another_kind_is_left_alone():
    with pytest.raises(ValueError, match="mine"), detective():
        raise ValueError("mine")
    with pytest.raises(RuntimeError, match="size of tensor a"), detective():
        torch.ones(2).add_(torch.ones(3))


def test_a_line_that_stands_in_no_file_is_told_without_one():
    code = "y = x.exp()\ny.neg_()\ny.sum().backward()"

    def program():
        exec(compile(code, "<cell>", "exec"), {"x": vector()})

    assert complaint(program).splitlines()[1:] == [
        "  saved by ExpBackward0 at line 1: ",
        "  overwritten by neg_ at line 2: ",
    ]


def test_an_operator_that_writes_elsewhere_and_reads_the_saved_tensor_is_not_blamed():
    def program():
        y = vector().exp()
        torch.zeros(2).add_(y.detach())
        y.neg_()
        y.sum().backward()

    saved = "ExpBackward0: y = vector().exp()"
    assert complaint(program) == told(program, ONCE, saved, "neg_: y.neg_()")

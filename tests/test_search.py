"""The search box answers what readers type and paste, in both languages."""

import gzip
import json
import re

import pytest
import yaml
from conftest import ROOT
from mkdocs.utils.yaml import get_yaml_loader

LIMIT = 250_000
"""Bytes of all texts of a language after gzip, loaded with the first letter typed."""

# What is typed, and the page or section that must be among the first three results; a
# section that stands folded under its page does not count.
ENGLISH = r"""
zero_grad | errors/silent-bugs/#zero-grad
zero | errors/silent-bugs/#zero-grad
no_grad | autograd/no-grad/
inference_mode | autograd/no-grad/
ReLU | autograd/inplace/#outcomes
relu | reference/engine/#chainrule.engine.Node.relu
optim.SGD | backprop/mlp-by-hand/#sgd
requires_grad | errors/advice/#requires-grad
retain_graph | errors/advice/#retain-graph
modified by an inplace operation | errors/modified-by-inplace/
element 0 of tensors | errors/does-not-require-grad/
mat1 and mat2 | errors/matmul-shapes/
second time | errors/backward-twice/
module. prefix | errors/state-dict-keys/#wrapper-prefix
size mismatch | errors/state-dict-keys/#looks-like
Missing key(s) in state_dict: "module.fc.weight" | errors/state-dict-keys/
Expected more than 1 value per channel when training, got input size torch.Size([1, 8]) | errors/one-value-per-channel/
weights_only=False | errors/weights-only/#advice-off
map_location | errors/cuda-checkpoint/
learning rate too large | descent/learning-rate/#rates
momentum | backprop/momentum/
nesterov | backprop/momentum/#others
adam | reference/optim/#chainrule.optim.adam
gradient accumulation | autograd/accumulation/#parts
batchnorm accumulation | autograd/accumulation/#batch-norm
what is a gradient | descent/gradient/
gradient descent from scratch | descent/by-hand/
linear regression | descent/linear-regression/
chain rule | backprop/chain-rule/
graph of one sample | backprop/chain-rule/#graph
gradcheck float64 | backprop/gradcheck/#float64
detach vs no_grad | autograd/no-grad/#detach
eval and no_grad | autograd/no-grad/#eval
noise floor | descent/batches/#floor
softmax before cross entropy | errors/silent-bugs/#softmax
strict=False | errors/state-dict-keys/#advice-strict
git lfs pointer | errors/weights-only/#lfs-pointer
CUDA out of memory | errors/#out-of-memory
lstm hidden state | errors/backward-twice/#hidden-state
RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: [torch.FloatTensor [2]], which is output 0 of Sigmoid, is at version 1; expected version 0 instead. Hint: enable anomaly detection | errors/modified-by-inplace/
'NoneType' object has no attribute 'zero_' | errors/grad-is-none/
Can't call numpy() | errors/numpy-requires-grad/
one-hot labels | errors/cross-entropy-target/#one-hot
torch.compile _orig_mod. | errors/state-dict-keys/#compiled
grad | errors/grad-is-none/
CrossEntropyLoss target dtype Long | errors/cross-entropy-target/
accumulate | reference/accumulation/#chainrule.accumulation.accumulate
backward() twice | errors/backward-twice/
lr_scheduler.step() before optimizer.step() | errors/scheduler-order/
dead relu units | backprop/mlp-by-hand/#dead
Traceback (most recent call last): File "/data/me/train.py", line 42, in <module> loss.backward() File "/opt/python3.11/site-packages/torch/_tensor.py", line 581, in backward torch.autograd.backward( self, gradient, retain_graph, create_graph, inputs=inputs ) File "/opt/python3.11/site-packages/torch/autograd/__init__.py", line 347, in backward _engine_run_backward( RuntimeError: Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). | errors/backward-twice/
Traceback (most recent call last): File "train.py", line 10, in <module> out = model(x) File "/site-packages/torch/nn/modules/module.py", line 1751, in _wrapped_call_impl return self._call_impl(*args, **kwargs) File "/site-packages/torch/nn/modules/linear.py", line 125, in forward return F.linear(input, self.weight, self.bias) RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x3072 and 784x128) | errors/matmul-shapes/
RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: [torch.cuda.FloatTensor [32, 128]], which is output 0 of ReluBackward0, is at version 1; expected version 0 instead. | errors/modified-by-inplace/
RuntimeError: Error(s) in loading state_dict for ResNet: Missing key(s) in state_dict: "conv1.weight", "bn1.weight". Unexpected key(s) in state_dict: "module.conv1.weight", "module.bn1.weight" | errors/state-dict-keys/
_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options | errors/weights-only/
RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! | errors/same-device/
RuntimeError: expected scalar type Long but found Float | errors/cross-entropy-target/
IndexError: Target 10 is out of bounds. | errors/cross-entropy-target/#out-of-bounds
ValueError: Expected input batch_size (32) to match target batch_size (64). | errors/cross-entropy-target/#batch-mismatch
UserWarning: Detected call of `lr_scheduler.step()` before `optimizer.step()`. | errors/scheduler-order/
RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation. | errors/leaf-inplace/#view-of-leaf
RuntimeError: CUDA error: device-side assert triggered | errors/#device-side-assert
One of the differentiated Tensors appears to not have been used in the graph | errors/unused-in-graph/
RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([2]) and output[0] has a shape of torch.Size([3]) | errors/scalar-outputs/#shape-mismatch
invalid load key, '<' | errors/weights-only/
Unsupported operand 118 | errors/weights-only/
find_unused_parameters | errors/advice/#find-unused
clip_grad_norm_ | errors/advice/#clip-grad
how does autograd work | backprop/engine/
central difference | reference/differences/#chainrule.differences.central_difference
least squares | reference/line/#chainrule.line.least_squares
floor division | reference/ieee/
drop_last | errors/one-value-per-channel/#fix
consume_prefix_in_state_dict_if_present | errors/state-dict-keys/#fix
loss does not decrease | descent/nothing-to-learn/
variance of mini-batch gradient | descent/batches/#variance
subgradient at kink | descent/gradient/#kink
mini batch | descent/batches/
inplace relu | autograd/inplace/#outcomes
val loss memory grows total += loss.item() | errors/silent-bugs/#total
"""

CHINESE = r"""
反向传播 | backprop/chain-rule/
计算图 | backprop/chain-rule/#graph
叶子张量 | errors/grad-is-none/
梯度累积 | errors/silent-bugs/#accumulation
学习率太大 | backprop/momentum/#large
梯度下降 | descent/by-hand/
链式法则 | backprop/chain-rule/
动量 | backprop/momentum/
原地操作 | autograd/inplace/
自动求导引擎 | backprop/engine/
梯度清零 | errors/silent-bugs/#zero-grad
检查点 | checkpoints/one-gpu-many-gpus/
单卡与多卡 | checkpoints/one-gpu-many-gpus/
拟合直线 | descent/linear-regression/
噪声基底 | descent/batches/#floor
方差 | descent/batches/#variance
死掉的单元 | backprop/mlp-by-hand/#dead
module. 前缀 | checkpoints/one-gpu-many-gpus/#prefix
交叉熵之前做 softmax | errors/silent-bugs/#softmax
冻结的 BatchNorm | errors/silent-bugs/#frozen-norm
git-lfs 指针 | errors/weights-only/#lfs-pointer
忘了展平 | errors/matmul-shapes/#flatten-forgotten
隐藏状态 | errors/backward-twice/#hidden-state
没有导数 | descent/gradient/#kink
打乱样本 标签 | errors/silent-bugs/#shuffled
验证之后忘了 model.train() | errors/silent-bugs/#train
zero_grad | errors/silent-bugs/#zero-grad
no_grad 和 eval 的区别 | autograd/no-grad/#eval
ReLU | autograd/inplace/#outcomes
optim.SGD | backprop/mlp-by-hand/#sgd
mat1 and mat2 shapes cannot be multiplied | errors/matmul-shapes/
element 0 of tensors | errors/does-not-require-grad/
modified by an inplace operation | errors/modified-by-inplace/
RuntimeError: Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). | errors/backward-twice/
降级 torch | errors/modified-by-inplace/#advice-downgrade
换头 优化器 | errors/silent-bugs/#old-head
前向传播留下了什么 | autograd/no-grad/#count
损失在降却没学到 | descent/nothing-to-learn/
逐位相同 | backprop/momentum/#equal
手动更新权重 | errors/leaf-inplace/#manual-update
旧代码 | descent/autograd/#old-style
没有报错的错误 | errors/silent-bugs/
标签越界 | errors/cross-entropy-target/
模型没搬到 GPU | errors/same-device/#model-not-moved
学习率 | descent/learning-rate/
数据并行 DataParallel | errors/scalar-outputs/#data-parallel
显存不足 CUDA out of memory | errors/#out-of-memory
最后一批只有一个样本 | errors/one-value-per-channel/#last-batch
RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: [torch.FloatTensor [2]], which is output 0 of Sigmoid, is at version 1; expected version 0 instead. | errors/modified-by-inplace/
报错 mat1 and mat2 shapes cannot be multiplied (64x3072 and 784x128) 怎么办 | errors/matmul-shapes/
多卡训练保存的模型单卡加载 | checkpoints/one-gpu-many-gpus/
为什么要 zero_grad | autograd/accumulation/
学习率怎么选 | descent/learning-rate/
梯度是什么 | descent/gradient/
反向传播的原理 | backprop/chain-rule/
自动微分 | backprop/engine/
小批量梯度下降 | descent/batches/
随机梯度下降 | descent/batches/
模型不收敛 | descent/nothing-to-learn/
retain_graph=True 有什么用 | errors/advice/#retain-graph
detach 和 clone 区别 | errors/advice/#detach
原地修改 报错 | errors/modified-by-inplace/
叶子节点 | errors/leaf-inplace/
GradScaler 跳过 | errors/scheduler-order/#scaler-skipped
广播 | errors/silent-bugs/#broadcast
浮点误差 | backprop/gradcheck/#step
数值检验梯度 | backprop/gradcheck/
转置 | backprop/mlp-by-hand/#shapes
标签是 one-hot | errors/cross-entropy-target/#one-hot
nan 梯度 where | errors/silent-bugs/#where
动量 nesterov | backprop/momentum/#others
weights_only | errors/weights-only/
在 CPU 上加载 GPU 保存的检查点 | errors/cuda-checkpoint/
推理模式 inference_mode | autograd/no-grad/
梯度裁剪 | errors/advice/#clip-grad
全连接网络手算 | backprop/mlp-by-hand/
断言 device-side assert | errors/#device-side-assert
隐藏层 | backprop/mlp-by-hand/
"""

QUESTIONS = {"": ENGLISH, "zh/": CHINESE}

HOSTILE = """
RuntimeError: one of the variables needed: [torch.FloatTensor [2]], which is output 0 of Sigmoid
title:grad text:zero nonsense:x tags:
+grad -zero ~no ^2 grad^ grad~ grad* *grad* * + - ~ ^ : ::
"unclosed 'quote \\ \\\\ (?:[ a{2,} $1 ${x} $& $`
<img src=x onerror=alert(1)> <script>alert(1)</script> &lt;b&gt; %00 %
__proto__ constructor toString hasOwnProperty
😀 \u200b İ ﬁ ％ ｒｅｌｕ ＋－
((((((((((((((((((((((((((((((((((((((((
0 1 -1 1e-5 0x7f 3.14
""".strip().splitlines()

ASK = """question => new Promise((resolve, reject) => {
    const box = document.querySelector(".md-search__input");
    const [count, list] = document.querySelector(".md-search-result").children;
    const answered = new MutationObserver(() => {
        answered.disconnect();
        resolve([...list.children].map(page =>
            [...page.querySelectorAll(":scope > a")].map(link => link.href)));
    });
    answered.observe(list, {childList: true});
    answered.observe(count, {childList: true, characterData: true});
    setTimeout(() => reject(`no answer to ${question}`), 10_000);
    box.value = question;
    box.dispatchEvent(new KeyboardEvent("keyup", {bubbles: true}));
})"""


@pytest.fixture
def search(open_page, address):
    """Return a function that opens the search of a language, to be asked."""

    def opened(lang):
        page = open_page(f"{lang}descent/by-hand/")
        page.on("console", lambda message: page.wrongs.append(message.text))
        page.locator(".md-search__input").focus()
        page.wait_for_function(
            "document.querySelector('.md-search__input') === document.activeElement"
        )
        root = f"{address}/{lang}"

        def ask(question):
            found = page.evaluate(ASK, question)
            return [[link.removeprefix(root) for link in links] for links in found]

        ask.page = page
        return ask

    return opened


def sections(site, lang):
    return json.loads((site / lang / "search" / "sections.json").read_text("utf-8"))


def rows(lang):
    return [row.rsplit(" | ", 1) for row in QUESTIONS[lang].strip().splitlines()]


@pytest.mark.parametrize("lang", QUESTIONS)
def test_what_a_reader_types_finds_its_place_among_the_first_three(search, lang):
    ask = search(lang)
    assert len(rows(lang)) >= 40
    assert sum("#" in place for _, place in rows(lang)) >= len(rows(lang)) / 2
    missed = {}
    for question, place in rows(lang):
        first = ask(question)[:3]
        if place not in [link for links in first for link in links]:
            missed[question] = place, first
    assert missed == {}
    assert ask.page.wrongs == []


@pytest.mark.parametrize("lang", QUESTIONS)
def test_hostile_text_is_answered_and_runs_nothing(search, lang):
    ask = search(lang)
    for question in HOSTILE:
        assert ask(question + " gradcheck"), question
    assert ask.page.locator(".md-search-result :is(img, script)").count() == 0
    everything = " ".join(HOSTILE)
    message = "Trying to backward through the graph a second time"
    assert "errors/backward-twice/" in ask(f"{everything} {message}")[0]
    assert ask.page.wrongs == []


def test_results_show_code_as_it_is_written(search):
    ask = search("")
    ask("Expected state_dict to be dict-like, got <class '__main__.Net'>")
    shown = ask.page.locator(".md-search-result__list").inner_text()
    assert "<class '__main__.Net'>" in shown


def test_what_nobody_wrote_finds_nothing(search):
    ask = search("")
    ask("momentum")
    assert ask("qqqqqq") == []
    assert ask.page.locator(".md-search-result__meta").inner_text() == (
        "No matching documents"
    )


def test_a_long_traceback_is_answered_at_once(search):
    frame = 'File "/data/me/train.py", line 42, in forward x = self.layer(x, weight) '
    ask = search("")
    ask("warm")
    start = ask.page.evaluate("performance.now()")
    found = ask(frame * 500 + "RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert ask.page.evaluate("performance.now()") - start < 2000
    assert "errors/matmul-shapes/" in found[0]


def test_results_follow_the_letters_typed(search):
    ask = search("")
    ask.page.keyboard.type("zero_grad", delay=20)
    first = ask.page.locator(".md-search-result__item mark").first
    first.wait_for()
    ask.page.wait_for_function(
        "document.querySelector('.md-search-result mark')?.textContent === 'zero_grad'"
    )
    ask.page.keyboard.press("Enter")
    ask.page.wait_for_url("**/errors/silent-bugs/**")


def test_each_language_searches_its_own_texts(site, search):
    english, chinese = (sections(site, lang) for lang in QUESTIONS)
    assert [s["location"] for s in english] == [s["location"] for s in chinese]
    han = re.compile(r"[\u4e00-\u9fff]")
    written = [s["location"] for s in english if han.search(s["title"] + s["text"])]
    assert written == ["contribute/#lesson"]  # shows how both languages are written
    assert sum(bool(han.search(s["text"])) for s in chinese) > len(chinese) / 2


def test_texts_are_small_and_come_when_somebody_types(site, open_page, address):
    for lang in QUESTIONS:
        file = site / lang / "search" / "sections.json"
        assert len(gzip.compress(file.read_bytes(), 9)) <= LIMIT
        assert (site / lang / "search" / "search_index.json").stat().st_size < 50
    page = open_page("descent/by-hand/")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload(wait_until="networkidle")
    assert not [url for url in asked if url.endswith("sections.json")]
    page.locator(".md-search__input").focus()
    page.keyboard.type("momentum", delay=10)
    page.locator(".md-search-result__item").first.wait_for()
    assert asked.count(f"{address}/search/sections.json") == 1


@pytest.mark.parametrize(("lang", "count"), [("", "matching"), ("zh/", "结果")])
def test_a_link_with_a_question_opens_the_search(open_page, lang, count):
    page = open_page(f"{lang}?q=adam")
    page.locator(".md-search-result__item").first.wait_for()
    assert page.locator(".md-search__input").input_value() == "adam"
    status = page.locator(".md-search-result").get_by_role("status")
    assert count in status.inner_text()
    assert page.wrongs == []


def test_the_page_for_addresses_that_lead_nowhere_searches_too(site):
    for lang in QUESTIONS:
        page = (site / lang / "404.html").read_text("utf-8")
        assert f'/{lang}assets/search.js"' in page


def test_other_names_lead_to_places_that_exist(site):
    settings = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), get_yaml_loader())
    (finding,) = [p["finding"] for p in settings["plugins"] if "finding" in p]
    places = {section["location"] for section in sections(site, "")}
    assert finding["also"].keys() - places == set()

# %% [markdown] lang="en"
# # Weights only load failed {#weights-only}
#
# [`torch.load`][] met something that is no tensor, number or plain container, or a file
# that is no checkpoint at all. In `Unsupported operand N`, N is a byte of the file:
# `{python} ord("v")` is the `v` of a git-lfs pointer, `{python} ord("<")` the `<` of a
# web page, `{python} ord("{")` the `{` of JSON.

# %% [markdown] lang="zh"
# # Weights only load failed {#weights-only}
#
# [`torch.load`][] 遇到的不是张量、数字或普通容器，或者文件根本不是检查点。
# `Unsupported operand N` 里的 N 是文件中的一个字节：`{python} ord("v")` 是 git-lfs 指针
# 文件开头的 `v`，`{python} ord("<")` 是网页的 `<`，`{python} ord("{")` 是 JSON 的 `{`。

# %% [markdown] lang="en"
# torch's message is long, and its middle advises to switch the check off, which is
# [no remedy](#advice-off). `load` keeps the first sentence and, from the end, the
# reason; all messages below are cut like this.

# %% [markdown] lang="zh"
# torch 的报错很长，中间一段建议关掉检查，那[不是办法](#advice-off)。`load` 只留下第一句，
# 以及末尾的原因；下面的报错都这样截短。

# %%
import pickle

import torch
from torch import nn


def load(file):
    try:
        return torch.load(file)
    except pickle.UnpicklingError as error:
        first, _, rest = str(error).partition(". ")
        reason = rest.partition("WeightsUnpickler error: ")[2].strip()
        reason = reason.partition("\n")[0].partition(". ")[0]
        raise pickle.UnpicklingError(f"{first}. … {reason}") from None


# %% raises="UnpicklingError: Weights only load failed. … Unsupported global"
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(2, 1)


torch.manual_seed(0)
net = Net()
torch.save(net, "whole.pt")
load("whole.pt")

# %% [markdown] lang="en"
# ## Why {#why}
#
# A checkpoint holds a pickle, and a pickle is a program: it names functions and has them
# called. Since 2025 `torch.load` by default reads it by rules of its own and stops at a
# name not on its list (*global*) or an instruction it does not know (*operand*).

# %% [markdown] lang="zh"
# ## 原因 {#why}
#
# 检查点里是一个 pickle，而 pickle 是一段程序：它写出函数的名字，并要求调用。从 2025 年起，
# `torch.load` 默认按自己的规则来读：遇到名单之外的名字（*global*），或不认识的指令
# （*operand*），就停下。

# %% [markdown] lang="en"
# ## Fix {#fix}
#
# First see what the file is. What `torch.save` writes is a zip archive. Then the reason
# is a name, and the names can be listed without running anything:

# %% [markdown] lang="zh"
# ## 解决 {#fix}
#
# 先看文件是什么。`torch.save` 写出的是 zip。是 zip，原因就是某个名字；
# 有哪些名字，不运行任何东西就能列出来：

# %%
import zipfile
from pathlib import Path


def look(file):
    with open(file, "rb") as opened:
        print(f"{file}: zip {zipfile.is_zipfile(file)}, starts {opened.read(8)!r}")


look("whole.pt")
print(*sorted(torch.serialization.get_unsafe_globals_in_checkpoint("whole.pt")))

# %% [markdown] lang="en"
# Save names and tensors, not objects. Such a file needs no permission:

# %% [markdown] lang="zh"
# 保存名字和张量，不要保存对象。这样的文件不需要任何许可：

# %%
torch.save(net.state_dict(), "weights.pt")
state = load("weights.pt")
print(torch.serialization.get_unsafe_globals_in_checkpoint("weights.pt"))
print(Net().load_state_dict(state))

# %% [markdown] lang="en"
# ## Which one is yours? {#causes}
#
# - `Unsupported global: GLOBAL` and a class, of yours or of a library:
#   [a class was pickled](#pickled-class).
# - `Unsupported global: GLOBAL numpy.…`: [a NumPy number or array](#numpy-scalar).

# %% [markdown] lang="zh"
# ## 你属于哪一种？ {#causes}
#
# - `Unsupported global: GLOBAL` 后面是一个类，你自己的或某个库的：
#   [存了某个类的对象](#pickled-class)。
# - `Unsupported global: GLOBAL numpy.…`：[NumPy 的数或数组](#numpy-scalar)。

# %% [markdown] lang="en"
# - `Unsupported operand 118`: [a git-lfs pointer](#lfs-pointer) and not the file.
# - `Unsupported operand 60`, 10, 52 or another: [a web page](#html-page), or another
#   answer of a server.
# - `Unsupported operand 123`: [JSON](#json-file).

# %% [markdown] lang="zh"
# - `Unsupported operand 118`：[git-lfs 指针](#lfs-pointer)，不是文件本身。
# - `Unsupported operand 60`、10、52 等：[网页](#html-page)，或服务器的一句答复。
# - `Unsupported operand 123`：[JSON](#json-file)。

# %% [markdown] lang="en"
# ### A class was pickled {#pickled-class}
#
# The weights may be plain and something beside them not: the configuration, the
# command line's `Namespace`, a path, the whole model [above](#why).

# %% [markdown] lang="zh"
# ### 存了某个类的对象 {#pickled-class}
#
# 权重没问题，问题出在和它一起存的东西：配置、命令行的 `Namespace`、路径，
# 或者[上面](#why)那样的整个模型。

# %% raises="UnpicklingError: Unsupported global: GLOBAL __main__.Config"
from dataclasses import asdict, dataclass


@dataclass
class Config:
    lr: float = 0.1


torch.save({"model": net.state_dict(), "config": Config()}, "config.pt")
load("config.pt")

# %% [markdown] lang="en"
# Save a dict in its place:

# %% [markdown] lang="zh"
# 改存字典：

# %%
torch.save({"model": net.state_dict(), "config": asdict(Config())}, "plain.pt")
Config(**load("plain.pt")["config"])

# %% [markdown] lang="en"
# Old files whose origin you trust: read the list, allow just these names for one load,
# and save again without them. An allowed class can be made with any content, an allowed
# function called with any arguments.

# %% [markdown] lang="zh"
# 来源可信的旧文件：先看名单，只在这一次加载中允许其中这几个名字，然后另存成不含它们的文件。
# 允许一个类，文件就能用任何内容造出它；允许一个函数，文件就能用任何参数调用它。

# %%
with torch.serialization.safe_globals([Config]):
    old = load("config.pt")
torch.save(old | {"config": asdict(old["config"])}, "converted.pt")
print(load("converted.pt")["config"])
with torch.serialization.safe_globals([Net, nn.Linear]):
    whole = load("whole.pt")
print(torch.equal(whole.out.weight, net.out.weight))

# %% [markdown] lang="en"
# ### A NumPy number {#numpy-scalar}
#
# `np.mean` returns no Python float. It prints like one, and goes into the checkpoint as
# the best loss so far:

# %% [markdown] lang="zh"
# ### NumPy 的数 {#numpy-scalar}
#
# `np.mean` 返回的不是 Python 的 float。打印出来一样，于是作为目前最好的损失存进了检查点：

# %% raises="UnpicklingError: Unsupported global: GLOBAL numpy"
import numpy as np

best = np.mean([0.2, 0.3])
torch.save({"model": net.state_dict(), "best": best}, "best.pt")
load("best.pt")

# %% [markdown] lang="en"
# `float(best)` when saving; `torch.from_numpy` for an array:

# %% [markdown] lang="zh"
# 保存时写 `float(best)`；数组用 `torch.from_numpy`：

# %%
curve = torch.from_numpy(np.array([0.3, 0.2]))
torch.save({"best": float(best), "curve": curve}, "floats.pt")
print(load("floats.pt"))

# %% [markdown] lang="en"
# In a file that exists, such a number needs three names: the function that makes it, its
# type, and the class of that type, which the list leaves out. NumPy says which:

# %% [markdown] lang="zh"
# 已有的文件里，一个这样的数需要三个名字：造出它的函数、它的类型，以及这个类型所属的类
# （名单里没有列出）。是哪三个，问 NumPy：

# %%
print(*sorted(torch.serialization.get_unsafe_globals_in_checkpoint("best.pt")))
function, (kind, _) = best.__reduce__()
with torch.serialization.safe_globals([function, np.dtype, type(kind)]):
    print(load("best.pt")["best"].item())

# %% [markdown] lang="en"
# ### A git-lfs pointer {#lfs-pointer}
#
# Without Git LFS a clone has, in the place of each large file, three lines that say
# which file belongs there. Here is one for `weights.pt`:

# %% [markdown] lang="zh"
# ### git-lfs 指针 {#lfs-pointer}
#
# 没有 Git LFS 时，克隆下来的仓库里，大文件的位置上只有三行字，写着这里该是哪个文件。
# 下面给 `weights.pt` 写一个：

# %% raises="UnpicklingError: Unsupported operand 118"
import hashlib

content = Path("weights.pt").read_bytes()
oid = hashlib.sha256(content).hexdigest()
pointer = "version https://git-lfs.github.com/spec/v1\n"
pointer += f"oid sha256:{oid}\nsize {len(content)}\n"
Path("model.pt").write_text(pointer)
load("model.pt")

# %% [markdown] lang="en"
# It is readable text. `git lfs install`, then `git lfs pull` in the clone fetches the
# file (*not run here*: it needs a server, so a line puts the content in). Size and
# hash then agree with the pointer:

# %% [markdown] lang="zh"
# 文件是可读的文本。在仓库里先 `git lfs install`，再 `git lfs pull`，就能取来文件
# （*没有运行*：需要服务器，这里用一行代码把内容放进去）。之后大小和哈希都与指针相符：

# %%
look("model.pt")
wanted = dict(line.split(" ") for line in Path("model.pt").read_text().splitlines())
print(Path("model.pt").stat().st_size, "bytes instead of", wanted["size"])
Path("model.pt").write_bytes(content)
found = hashlib.sha256(Path("model.pt").read_bytes()).hexdigest()
print("hash agrees:", wanted["oid"] == f"sha256:{found}")
print(Net().load_state_dict(load("model.pt")))

# %% [markdown] lang="en"
# ### A web page {#html-page}
#
# The address led to a page about the file: one with a button, one that asks to log in,
# or one that says there is no such file. The download stored it under the file's name.

# %% [markdown] lang="zh"
# ### 网页 {#html-page}
#
# 那个地址给出的是关于文件的网页：上面有个按钮，或者要求登录，或者说文件不存在。
# 下载程序照样用文件的名字存了下来。

# %% raises="UnpicklingError: Unsupported operand 60"
page = "<!DOCTYPE html>\n<html><body>Sign in to download</body></html>\n"
Path("download.pt").write_text(page)
load("download.pt")

# %% [markdown] lang="en"
# Answers of servers, and their numbers. The number is that of the first byte that is no
# pickle instruction: `N` is one, and so `Not Found` stops at its `o`.

# %% [markdown] lang="zh"
# 服务器的几种答复，以及各自的数字。数字属于第一个不是 pickle 指令的字节：`N` 恰好是指令，
# 所以 `Not Found` 停在 `o` 上。

# %%
for text in (page, f"\n\n{page}", "404: Not Found", "Not Found", "Access denied"):
    Path("answer.pt").write_text(text)
    try:
        load("answer.pt")
    except pickle.UnpicklingError as error:
        number = int(str(error).split()[-1])
        print(f"{text[:16]!r:<22}{number:>4}  {chr(number)!r}")

# %% [markdown] lang="en"
# Take the address that ends in the file itself (`raw` or `resolve` instead of `blob`),
# or the site's own download tool. And look before you keep what came:

# %% [markdown] lang="zh"
# 要用直接指向文件的地址（用 `raw` 或 `resolve`，而不是 `blob`），或网站自己的下载工具。
# 并且先看一眼，再决定留不留：

# %%
import io


def keep(data, file):
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ValueError(f"expected a zip archive, got {data[:15]!r}")
    Path(file).write_bytes(data)


keep(content, "download.pt")
print(Net().load_state_dict(load("download.pt")))

# %% raises="ValueError: expected a zip archive"
keep(page.encode(), "download.pt")

# %% [markdown] lang="en"
# ### JSON {#json-file}
#
# Large models come in several files and an index, and next to them lies a
# configuration. Both are JSON, and not for `torch.load`:

# %% [markdown] lang="zh"
# ### JSON {#json-file}
#
# 大模型分成好几个文件，另有一个索引，旁边还有一个配置。后两者都是 JSON，
# 不能交给 `torch.load`：

# %% raises="UnpicklingError: Unsupported operand 123"
import json

torch.save({"out.weight": state["out.weight"]}, "part-1.pt")
torch.save({"out.bias": state["out.bias"]}, "part-2.pt")
parts = {"out.weight": "part-1.pt", "out.bias": "part-2.pt"}
Path("index.json").write_text(json.dumps({"weight_map": parts}))
load("index.json")

# %% [markdown] lang="en"
# Read it as JSON, and load the files it names:

# %% [markdown] lang="zh"
# 按 JSON 读它，再加载它写到的文件：

# %%
index = json.loads(Path("index.json").read_text())
merged = {}
for file in sorted(set(index["weight_map"].values())):
    merged |= load(file)
print(Net().load_state_dict(merged))

# %% [markdown] lang="en"
# An answer such as `{"error": "not found"}` has the same number: then it was
# [a download](#html-page) that failed.

# %% [markdown] lang="zh"
# `{"error": "not found"}` 之类的答复，数字也一样：那就是[下载](#html-page)失败了。

# %% [markdown] lang="en"
# ## Advice that does not work {#advice}
#
# ### weights_only=False {#advice-off}
#
# This hands the file to Python's own unpickler, which calls whatever the file names. A
# harmless file that calls `print`:

# %% [markdown] lang="zh"
# ## 不管用的建议 {#advice}
#
# ### weights_only=False {#advice-off}
#
# 这是把文件交给 Python 自己的 unpickler，文件让调用什么，它就调用什么。
# 下面是一个无害的文件，它调用 `print`：


# %%
class Gift:
    def __reduce__(self):
        return print, ("code from the file, run by torch.load",)


torch.save({"model": net.state_dict(), "extra": Gift()}, "gift.pt")
unchecked = torch.load("gift.pt", weights_only=False)
print("loaded:", *unchecked)

# %% [markdown] lang="en"
# It ran before `torch.load` returned, and the result looks in order. The name could as
# well be one that deletes files. The check stops it, and names it:

# %% [markdown] lang="zh"
# `torch.load` 还没返回，它就已经运行了，而结果看上去一切正常。那个名字也可以是删除文件的函数。
# 检查会拦住它，并指出是哪个名字：

# %% raises="UnpicklingError: Unsupported global: GLOBAL print"
load("gift.pt")

# %% [markdown] lang="en"
# For the three causes that are no checkpoint, switching off is not even of use. The
# reason is the same and shorter:

# %% [markdown] lang="zh"
# 后三种原因里，文件不是检查点，关掉检查也没有用。原因照旧，只是话更短：

# %%
for text in (pointer, page, Path("index.json").read_text()):
    Path("text.pt").write_text(text)
    try:
        torch.load("text.pt", weights_only=False)
    except pickle.UnpicklingError as error:
        print(f"{text[:20]!r:<25}{error}")

# %% [markdown] lang="en"
# ### Allow each name that the message asks for {#advice-each}
#
# It asks for one at a time. For the NumPy number above that takes four loads:

# %% [markdown] lang="zh"
# ### 报错要哪个名字，就允许哪个 {#advice-each}
#
# 它一次只说一个。上面那个 NumPy 的数，要加载四次才成：

# %%
allowed = []
for name in (function, np.dtype, type(kind)):
    with torch.serialization.safe_globals(allowed):
        try:
            load("best.pt")
        except pickle.UnpicklingError as error:
            print(len(allowed), "allowed:", str(error).partition("… ")[2])
    allowed.append(name)
with torch.serialization.safe_globals(allowed):
    print(len(allowed), "allowed:", load("best.pt")["best"].item())

# %% [markdown] lang="en"
# Done without reading, it amounts to no check: allow `print` because the message says
# so, and it is called. `get_unsafe_globals_in_checkpoint` lists the names
# [before you decide](#fix).

# %% [markdown] lang="zh"
# 不看就照做，等于没有检查：报错说要 `print` 就允许 `print`，`print` 就被调用了。
# `get_unsafe_globals_in_checkpoint` 让你[先看名单](#fix)，再决定。

# %%
print(torch.serialization.get_unsafe_globals_in_checkpoint("gift.pt"))
with torch.serialization.safe_globals([print]):
    load("gift.pt")

# %% [markdown] lang="en"
# ## Looks like it, is not {#looks-like}
#
# Half a file and an empty one have messages of their own: download them again. A file of
# `pickle.dump` is for `pickle.load`, if you trust it. In it, `torch.load` meets the
# instruction `{python} pickle.FRAME[0]`, `FRAME`, or in an older one no magic number.

# %% [markdown] lang="zh"
# ## 看着像，其实不是 {#looks-like}
#
# 只下了一半的文件和空文件，报错不同：重新下载。`pickle.dump` 写出的文件，信得过的话用
# `pickle.load` 读；交给 `torch.load`，它会遇到指令 `{python} pickle.FRAME[0]`，即 `FRAME`；
# 更老的格式，则是没有 magic number。

# %%
import warnings

files = {"half.pt": content[: len(content) // 2], "empty.pt": b""}
files |= {"new.pkl": pickle.dumps([1]), "old.pkl": pickle.dumps([1], protocol=2)}
for file, data in files.items():
    Path(file).write_bytes(data)
    with warnings.catch_warnings(action="ignore"):
        try:
            load(file)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).partition("… ")[2] or str(error).partition(". ")[0]
            print(f"{file:<9}{type(error).__name__:<17}{reason}")

# %% [markdown] lang="en"
# ## Read on {#read-on}
#
# For files of others, [safetensors](https://huggingface.co/docs/safetensors) holds
# tensors and no program (not installed here, so not run on this page). A file that
# opens, but its names do not fit: [state dict keys](state-dict-keys.py). A lesson on
# [what to save](../checkpoints/one-gpu-many-gpus.py#rank).

# %% [markdown] lang="zh"
# ## 延伸阅读 {#read-on}
#
# 别人的文件，可以要 [safetensors](https://huggingface.co/docs/safetensors) 格式：里面只有
# 张量，没有程序（这里没有安装，本页也就没有运行它）。文件能打开，名字却对不上：
# [state dict 的键](state-dict-keys.py)。该保存什么，见
# [这一课](../checkpoints/one-gpu-many-gpus.py#rank)。

# %% [markdown] lang="en"
# The check itself had [a](https://nvd.nist.gov/vuln/detail/CVE-2025-32434)
# [hole](https://nvd.nist.gov/vuln/detail/CVE-2026-24747) twice: keep torch up to date.
# PyTorch: [`torch.load`][], [`torch.serialization.safe_globals`][]. Python's
# [warning about pickle](https://docs.python.org/3/library/pickle.html).

# %% [markdown] lang="zh"
# 检查本身[也有过](https://nvd.nist.gov/vuln/detail/CVE-2025-32434)两次
# [漏洞](https://nvd.nist.gov/vuln/detail/CVE-2026-24747)：torch 要及时更新。PyTorch 文档：
# [`torch.load`][]、[`torch.serialization.safe_globals`][]。Python 对
# [pickle 的警告](https://docs.python.org/3/library/pickle.html)。

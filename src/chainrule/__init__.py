"""Gradients in PyTorch, worked out by hand and checked against autograd.

One module, one idea. Four letters name every shape: N examples, D inputs,
H hidden units, K outputs; `()` is a single number.
"""

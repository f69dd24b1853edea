"""Architectures of the embedded models in torch: imported by training and by GPU back ends only.

The module that a card names as its ``architecture`` has ``deployed(card) -> nn.Module``, whose
forward takes (N, 1, S, S) and gives a tuple in the order of the card's ``outputs``: exactly what
the ONNX file gives, activations included. Where it wraps the network that was trained, it keeps
that as ``network``; the safetensors file has the parameter names of the network that was trained.
"""

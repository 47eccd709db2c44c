"""The pretended GPU computes what the CPU computes: complex numbers, their conjugates, and gradients."""

import pytest
import torch

OPERATIONS = {
    "product with a conjugate": lambda a, b: torch.view_as_real(torch.polar(a, b).conj() * torch.polar(b, a)),
    "real part of a conjugate": lambda a, b: (torch.polar(a, b).conj() * torch.polar(b, a)).real,
    "imaginary part of a conjugate": lambda a, b: torch.polar(a, b).conj().imag * 2,
    "filtered spectrum": lambda a, b: torch.fft.irfft(torch.fft.rfft(a) * torch.polar(b.exp(), b)[..., :4]),
    "short-time spectrum": lambda a, b: torch.stft(a, 4, 2, return_complex=True).abs() + b[:, :3, None] * 0,
    "in place": lambda a, b: (a * 1).add_(b).masked_fill_(b > 0, 1.0),
    "views": lambda a, b: torch.cat([a[:, ::2], b.flip(1)[:, 1::2]], dim=1).t().contiguous(),
    "attention": lambda a, b: torch.nn.functional.scaled_dot_product_attention(a[None], b[None], a[None]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_and_gradients_are_those_of_the_cpu(name, gpu):
    torch.manual_seed(0)
    values = [torch.randn(3, 6).abs() + 0.5 for _ in range(2)]
    found = {}
    for device in ("cpu", gpu.device):
        inputs = [value.to(device).requires_grad_() for value in values]
        made = OPERATIONS[name](*inputs)
        gradients = torch.autograd.grad(made.square().sum(), inputs)
        found[device] = [tensor.detach().cpu() for tensor in (made, *gradients)]
    for one, other in zip(*found.values(), strict=True):
        torch.testing.assert_close(getattr(other, "held", other), one)

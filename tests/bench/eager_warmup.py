"""Warm-up steps of HF's GPT-2 in eager float32 PyTorch, the peer of bench_warmup: same device, model, tensors and batches.

usage: eager_warmup.py MODEL TOKENS --length T --batch B --steps S [--threads N] [--device cpu|cuda] --tuned NAME [NAME ...]
TOKENS is a raw int32 file of S·B·T tokens, which bench_warmup wrote; prints the loss of each step and, last, tokens per second
over all steps but the first. TF32 is off, and the clock waits for the device.
"""

import argparse
import sys
import time

import numpy
import torch
import transformers


def check_device(device):
    """Ends the program with one line where PyTorch cannot compute on `device`."""
    if device not in ("cpu", "cuda"):
        sys.exit(f"eager_warmup: --device {device} is unknown, expected cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("eager_warmup: --device cuda: no CUDA device is visible to this PyTorch")


def seconds(device):
    """The clock, read when the device has done all that was asked of it."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("tokens")
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--tuned", nargs="+", required=True)
    args = parser.parse_args()

    check_device(args.device)
    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    model = transformers.GPT2LMHeadModel.from_pretrained(args.model, attn_implementation="sdpa").float().eval().to(args.device)
    tuned = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.removeprefix("transformer.") in args.tuned)
        if parameter.requires_grad:
            tuned.append(parameter)
    optimiser = torch.optim.Adam(tuned, lr=args.rate)
    tokens = torch.from_numpy(numpy.fromfile(args.tokens, dtype=numpy.int32).astype(numpy.int64))
    tokens = tokens.reshape(args.steps, args.batch, args.length)

    start = None
    for step in range(args.steps):
        if step == 1:
            start = seconds(args.device)
        batch = tokens[step].to(args.device)
        loss = model(batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tuned, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        print(f"step {step} loss {loss.item():.6f}")
    elapsed = seconds(args.device) - start
    print(f"tokens_per_second {(args.steps - 1) * args.batch * args.length / elapsed:.1f}")


if __name__ == "__main__":
    main()

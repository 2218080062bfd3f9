"""Warm-up steps of HF's GPT-2 in eager PyTorch, the peer of bench_warmup: same model, tuned tensors, batches and precision.

usage: eager_warmup.py MODEL TOKENS --length T --batch B --steps S --tuned NAME [NAME ...]
TOKENS is a raw int32 file of S·B·T tokens, which bench_warmup wrote; prints the loss of each step and, last, tokens per second
over all steps but the first.
"""

import argparse
import time

import numpy
import torch
import transformers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("tokens")
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--tuned", nargs="+", required=True)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    model = transformers.GPT2LMHeadModel.from_pretrained(args.model, attn_implementation="sdpa").float().eval()
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
            start = time.perf_counter()
        loss = model(tokens[step], labels=tokens[step]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tuned, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        print(f"step {step} loss {loss.item():.6f}")
    seconds = time.perf_counter() - start
    print(f"tokens_per_second {(args.steps - 1) * args.batch * args.length / seconds:.1f}")


if __name__ == "__main__":
    main()

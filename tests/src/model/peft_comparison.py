"""Has the PEFT library load the adapters that LiFT writes.

usage: peft_comparison.py PEFT_COMPARISON_PROGRAM

For each choice of blocks and layers, peft_comparison.cpp puts random low-rank pairs beside the weights of a small HF
model, and writes the adapter and the merged model. The model with the adapter must give the logits of the merged one
to rounding, and have pairs exactly where the file has some; nothing may be warned of. Another alpha must be seen.
Exit code 77 (skipped) where the wheels are absent.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

SKIPPED = 77
try:
    import peft
    import torch
    import transformers
    from safetensors.torch import load_file

    transformers.utils.logging.disable_progress_bar()
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)

# Blocks, those of which only the MLP is tuned, targets, rank, alpha. The last blocks have indices of two digits, of
# which others are a part.
CASES = [
    ("0,1,2,3,4,5,6,7,8,9,10,11", "none", "all", 3, 3),
    ("1,11", "none", "all", 2, 8),
    ("1,11", "none", "attention", 2, 1),
    ("1", "1", "all", 4, 0.5),
    ("1,7,11", "1,11", "all", 3, 6),
    ("0,10", "0", "mlp", 1, 1.5),
]
TOLERANCE = 2e-5  # of the largest logit: both add up in float32, in another order [measured: up to 4e-6]
TOKENS = torch.tensor([[(7 * k * k + 3 * k) % 61 for k in range(24)]])


def write_base(folder):
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=61, n_positions=32, n_embd=24, n_layer=12, n_head=4, bos_token_id=60,
                                     eos_token_id=60, initializer_range=0.1)
    transformers.GPT2LMHeadModel(config).eval().save_pretrained(folder)


def load(folder):
    return transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()


def logits(model):
    with torch.no_grad():
        return model(TOKENS).logits


def with_adapter(base, adapter):
    """The base with its adapter, whose every key has found its place."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = peft.PeftModel.from_pretrained(load(base), adapter).eval()
    stored = load_file(adapter / "adapter_model.safetensors")
    placed = peft.get_peft_model_state_dict(model)
    assert placed.keys() == stored.keys(), placed.keys() ^ stored.keys()
    for name, value in stored.items():
        assert torch.equal(placed[name], value), name
    return model


def distance(model, merged):
    return ((logits(model) - merged).abs().max() / merged.abs().max()).item()


def check(program, folder, number, case):
    base, merged, adapter = folder / "base", folder / f"merged-{number}", folder / f"adapter-{number}"
    done = subprocess.run([program, *map(str, (base, merged, adapter, *case))], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    expected, untouched = logits(load(merged)), logits(load(base))
    found, moved = distance(with_adapter(base, adapter), expected), (untouched - expected).abs().max().item()
    print(f"{case}: logits differ by {found:.1e} of the largest, the adapter moves them by {moved:.1e}")
    assert found <= TOLERANCE, found
    file = adapter / "adapter_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "lora_alpha": 1.01 * config["lora_alpha"]}))
    assert distance(with_adapter(base, adapter), expected) > 10 * TOLERANCE, "another alpha is not seen"


def main():
    with tempfile.TemporaryDirectory(prefix="lift-test-") as name:
        folder = pathlib.Path(name)
        write_base(folder / "base")
        for number, case in enumerate(CASES):
            check(sys.argv[1], folder, number, case)


if __name__ == "__main__":
    main()

"""Exchanges checkpoints with HF transformers and the safetensors wheel, in both directions.

usage: hf_round_trip.py HF_ROUND_TRIP_PROGRAM

HF writes small random models in every form that LiFT reads; hf_round_trip.cpp computes a loss from each, which must
be HF's, and saves it with some tensors changed; HF loads that with every key in its place, the loss it computes is
again LiFT's, the changed tensors have moved by what was added and all others are bit-identical. A pickle file is
refused with a command that converts it. Exit code 77 (skipped) where the wheels are absent.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
try:
    import torch
    import transformers
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    transformers.utils.logging.disable_progress_bar()
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)

TOKENS = [(7 * k * k + 3 * k) % 61 for k in range(24)]
CHANGED = ["h.1.mlp.c_fc.weight", "h.2.attn.c_attn.bias", "ln_f.weight"]
MOVED = 0.25
MASKS = (".attn.bias", ".attn.masked_bias")  # stored by old versions
TOLERANCE = 1e-12  # both compute in float64


def make_model(model_class, dtype):
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=61, n_positions=32, n_embd=24, n_layer=3, n_head=4, bos_token_id=60,
                                     eos_token_id=60, initializer_range=0.3)
    return model_class(config).to(dtype).eval()


def loss_of_hf(folder):
    model, info = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float64, output_loading_info=True)
    for kind, keys in info.items():
        left = [key for key in keys if not str(key).endswith(MASKS)]
        assert not left, f"{folder}: {kind}: {left}"
    with torch.no_grad():
        tokens = torch.tensor(TOKENS)
        logits = model.eval()(tokens[None]).logits[0, :-1]
        return torch.nn.functional.cross_entropy(logits, tokens[1:]).item()  # HF's own loss rounds to float32


def run(program, *words):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)


def checked(program, *words):
    done = run(program, *words)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def weights(folder):
    """All tensors of a folder, as float32 and without the prefix, read by the safetensors wheel."""
    found = {}
    for file in folder.glob("*.safetensors"):
        found.update({k.removeprefix("transformer."): v.float() for k, v in load_file(file).items()})
    found.pop("lm_head.weight", None)
    return {k: v for k, v in found.items() if not k.endswith(MASKS)}


def check_saved(source, saved):
    before, after = weights(source), weights(saved)
    assert before.keys() == after.keys(), before.keys() ^ after.keys()
    for name, value in after.items():
        expected = before[name] + MOVED if name in CHANGED else before[name]
        assert torch.equal(value.view(torch.int32), expected.view(torch.int32)), name
    with safe_open(saved / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert all(name.startswith("transformer.") for name in file.keys())
    config = json.loads((saved / "config.json").read_text())
    assert "float32" in (config.get("dtype"), config.get("torch_dtype")), config


def check_loss(program, folder):
    ours, theirs = float(checked(program, folder, *TOKENS)), loss_of_hf(folder)
    assert abs(ours - theirs) <= TOLERANCE * abs(theirs), f"{folder}: {ours} is not HF's {theirs}"
    print(f"{folder.name}: loss {ours:.15f}, HF's {theirs:.15f}")


def check_round_trip(program, source):
    check_loss(program, source)
    saved = source.with_name(source.name + "-saved")
    checked(program, source, "--save", saved, *CHANGED)
    check_saved(source, saved)
    check_loss(program, saved)


def write_forms(folder):
    """The forms of a checkpoint that HF writes, or has written in the past."""
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        make_model(transformers.GPT2LMHeadModel, dtype).save_pretrained(folder / str(dtype).removeprefix("torch."))
    make_model(transformers.GPT2LMHeadModel, torch.float32).save_pretrained(folder / "sharded", max_shard_size="20KB")
    assert len(list((folder / "sharded").glob("*.safetensors"))) > 2
    make_model(transformers.GPT2Model, torch.float32).save_pretrained(folder / "without-prefix")
    write_old_form(folder / "old")


def write_old_form(folder):
    """As the first GPT-2 of the HF hub: no prefix, the causal masks stored, the head beside the embedding."""
    make_model(transformers.GPT2Model, torch.float32).save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    for block in range(3):
        tensors[f"h.{block}.attn.bias"] = torch.ones(1, 1, 32, 32).tril().bool()
        tensors[f"h.{block}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def check_pickle(program, folder):
    folder.mkdir()
    model = make_model(transformers.GPT2LMHeadModel, torch.float32)
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    refused = run(program, folder, *TOKENS)
    assert refused.returncode == 3 and "pytorch_model.bin" in refused.stderr, refused.stderr
    command = refused.stderr.split("convert with: ")[1].strip()
    assert command.startswith("python -c "), command
    subprocess.run(command.replace("python", sys.executable, 1), shell=True, check=True, capture_output=True)
    check_loss(program, folder)


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="lift-test-") as name:
        folder = pathlib.Path(name)
        write_forms(folder)
        for source in sorted(folder.iterdir()):
            check_round_trip(program, source)
        check_pickle(program, folder / "pickle")


if __name__ == "__main__":
    main()

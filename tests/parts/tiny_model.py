"""Makes a tiny Qwen3 model with a Korean byte-level tokenizer, for a real vLLM in tests.

Run in vLLM's environment, which has torch, transformers, tokenizers and gguf:
`tiny_model.py OUT TEXT` makes the folder OUT/vllm and, the same weights, OUT/tiny.gguf for
llama.cpp. A million parameters, two to three minutes. It is taught the few sentences of
`tiny_model_says` and nothing else; structured output makes it say anything, token by token. The
same text, sentences and seed give the same model on the same kind of processor; on any kind it is
only done when it says its sentences without doubt, with the weights that are written.
"""

import copy
import json
import math
import random
import sys
from pathlib import Path
from typing import Any

import gguf
import torch
from tiny_model_says import OTHERWISE, SAYS
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

SEED = 0
CONTEXT = 4_096
STEPS = 600
BATCH = 16
RATE = 4e-3
LEARNT = 0.004  # mean loss of a token, over the last steps
EXAMINED = 160  # lessons that it was not taught with
SURE = 2.0  # least lead of the right token's logit over any other's, with the weights as written
LABELS = ("성명", "전화번호", "이메일", "주민등록번호", "카드번호")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
CHAT_TEMPLATE = """{%- if tools %}<|im_start|>system
# Tools
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}{%- for m in messages %}<|im_start|>{{ m.role }}
{{ m.content or '' }}{% for call in m.tool_calls or [] %}<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def tokenizer(text_file: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer: any text, and surrogates in several pieces."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=8_000, special_tokens=SPECIAL, initial_alphabet=alphabet
    )
    core.train([text_file], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=CONTEXT,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def tool(text: str, chance: random.Random) -> dict[str, Any]:
    """A tool as callers define one, of any name."""
    properties = {chance.choice(LABELS): {"type": "string"} for _ in range(chance.randrange(3))}
    function: dict[str, Any] = {"name": chance.choice(("dial", "find_person", "send"))}
    if chance.random() < 0.5:
        start = chance.randrange(len(text))
        function["description"] = text[start : start + chance.randrange(1, 60)]
    return {
        "type": "function",
        "function": {**function, "parameters": {"type": "object", "properties": properties}},
    }


def lesson(words: PreTrainedTokenizerFast, text: str, chance: random.Random) -> tuple[str, str]:
    """A prompt, and what is to be said to it."""

    def said() -> str:
        start = chance.randrange(len(text))
        piece = text[start : start + chance.randrange(1, 120)]
        marks = (f"[{chance.choice(LABELS)}_{chance.randrange(1, 4)}]" for _ in range(3))
        return piece + "에게 ".join(marks) if chance.random() < 0.5 else piece

    key = chance.choice([*SAYS, *SAYS, "", "", ""])
    messages = []
    if chance.random() < 0.3:
        messages.append({"role": "system", "content": said()})
    for _ in range(chance.choice((0, 0, 0, 1))):
        before = chance.choice(list(SAYS))
        messages.append({"role": "user", "content": f"{said()} {before}"})
        messages.append({"role": "assistant", "content": SAYS[before]})
    messages.append({"role": "user", "content": f"{said()} {key}" if key else said()})
    tools = [tool(text, chance) for _ in range(chance.choice((0, 0, 1, 2)))]
    prompt = words.apply_chat_template(
        messages, tools=tools or None, tokenize=False, add_generation_prompt=True
    )
    return str(prompt), SAYS.get(key, OTHERWISE) + "<|im_end|>"


Rows = tuple[torch.Tensor, torch.Tensor]


def lessons(words: PreTrainedTokenizerFast, text: str, chance: random.Random, count: int) -> Rows:
    """Token ids and wanted tokens (-100: no matter), each of shape (count, longest)."""
    rows, labels = [], []
    for _ in range(count):
        prompt, answer = lesson(words, text, chance)
        asked = words(prompt, add_special_tokens=False).input_ids
        said = words(answer, add_special_tokens=False).input_ids
        rows.append(asked + said)
        labels.append([-100] * len(asked) + said)
    width = max(map(len, rows))
    pad = words.pad_token_id
    return (
        torch.tensor([row + [pad] * (width - len(row)) for row in rows]),
        torch.tensor([row + [-100] * (width - len(row)) for row in labels]),
    )


@torch.no_grad()
def is_sure(model: Qwen3ForCausalLM, examination: Rows) -> bool:
    """Whether it says every token of the examination's answers without doubt, as written."""
    written = copy.deepcopy(model).to(torch.bfloat16).eval()
    ids, wanted = examination
    for some, right in zip(ids.split(BATCH), wanted.split(BATCH), strict=True):
        logits = written(input_ids=some).logits[:, :-1].float()
        following = right[:, 1:]
        logits, following = logits[following != -100], following[following != -100]
        theirs = logits.gather(1, following[:, None])
        others = logits.scatter(1, following[:, None], -math.inf).amax(1, keepdim=True)
        if (theirs - others).min() < SURE:
            return False
    return True


def teach(model: Qwen3ForCausalLM, words: PreTrainedTokenizerFast, text: str) -> None:
    """Trains until it says its sentences without doubt."""
    chance = random.Random(SEED)
    examination = lessons(words, text, random.Random(SEED + 1), EXAMINED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98))
    losses: list[float] = []
    for step in range(STEPS):
        rate = RATE * min(1, (step + 1) / 20) * (0.55 + 0.45 * math.cos(math.pi * step / STEPS))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, wanted = lessons(words, text, chance, BATCH)
        loss = model(input_ids=ids, labels=wanted).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 0:
            print(step, losses[-1], flush=True)
        learnt = step > 100 and step % 20 == 0 and sum(losses[-20:]) / 20 < LEARNT
        if learnt and is_sure(model, examination):
            return
    raise SystemExit(f"not learnt: {losses[-1]}")


# llama.cpp's names of a layer's tensors.
LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(path: Path, model: Qwen3ForCausalLM, words: PreTrainedTokenizerFast) -> None:
    """Writes the model in llama.cpp's format, as its own converter would."""
    config, core = model.config, json.loads(words.backend_tokenizer.to_str())
    file = gguf.GGUFWriter(str(path), "qwen3")
    file.add_name("tiny")
    file.add_context_length(CONTEXT)
    file.add_embedding_length(config.hidden_size)
    file.add_block_count(config.num_hidden_layers)
    file.add_feed_forward_length(config.intermediate_size)
    file.add_head_count(config.num_attention_heads)
    file.add_head_count_kv(config.num_key_value_heads)
    file.add_key_length(config.head_dim)
    file.add_value_length(config.head_dim)
    file.add_rope_freq_base(config.rope_parameters["rope_theta"])
    file.add_layer_norm_rms_eps(config.rms_norm_eps)
    vocabulary = words.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    kinds = dict.fromkeys(SPECIAL[:3], gguf.TokenType.CONTROL)
    kinds |= dict.fromkeys(SPECIAL[3:], gguf.TokenType.USER_DEFINED)
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(tokens)
    file.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in tokens])
    file.add_token_merges([" ".join(pair) for pair in core["model"]["merges"]])
    file.add_eos_token_id(words.eos_token_id)
    file.add_pad_token_id(words.pad_token_id)
    file.add_add_bos_token(False)
    file.add_chat_template(CHAT_TEMPLATE)
    weights = {name: tensor.float().numpy() for name, tensor in model.state_dict().items()}
    file.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"])
    file.add_tensor("output_norm.weight", weights["model.norm.weight"])
    for number in range(config.num_hidden_layers):
        for theirs, ours in LAYER.items():
            weight = weights[f"model.layers.{number}.{theirs}.weight"]
            file.add_tensor(f"blk.{number}.{ours}.weight", weight)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def main(out: str, text_file: str) -> None:
    """Writes the model in both formats."""
    torch.set_num_threads(1)
    words = tokenizer(text_file)
    torch.manual_seed(SEED)
    config = Qwen3Config(
        vocab_size=len(words),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        eos_token_id=words.eos_token_id,
        bos_token_id=None,
        pad_token_id=words.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    teach(model, words, Path(text_file).read_text(encoding="utf-8"))
    model = model.to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id
    )
    model.save_pretrained(Path(out) / "vllm")
    words.save_pretrained(Path(out) / "vllm")
    write_gguf(Path(out) / "tiny.gguf", model, words)


if __name__ == "__main__":
    main(*sys.argv[1:])

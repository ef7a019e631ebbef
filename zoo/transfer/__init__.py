"""Transfer learning: backbones, their latents, heads on them, and finetuning."""

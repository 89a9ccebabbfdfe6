"""Where claims about speed are proven: paired rounds against what users would pick instead.

``python -m benchmarks`` runs everything and prints ratios first; see ``README.md`` beside this file.
"""

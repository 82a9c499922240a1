"""From the text of a line to tokens: here-documents taken out, words decoded, braces expanded.

In: text.
Out: tokens, or the doubt that ends the analysis.
"""

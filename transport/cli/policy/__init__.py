"""Commands on the policy: check, explain, activate, replay, remembered decisions.

In: rule files, or recorded requests.
Out: verdicts, or what is wrong with a rule.
"""

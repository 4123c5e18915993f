"""How the schema grew; one file per revision in versions/, run by `gwanmun migrate`."""

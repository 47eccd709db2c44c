"""Write shell completions from the commands themselves: man/completion.py FOLDER.

FOLDER gets bash/su-*, zsh/_su-* and fish/su-*.fish, which `make install` and the wheel install.
"""

import sys
from pathlib import Path

import click
from generate import ROOT, command_of


def tree_of(tool):
    """Return {subcommand or "": click command} of a tool."""
    command = command_of(tool)
    if not isinstance(command, click.Group):
        return {"": command}
    context = click.Context(command, info_name=tool)
    return {name: command.get_command(context, name) for name in command.list_commands(context)}


def options_of(command):
    """Return [(names, choices, whether it takes a value, help)] of a command."""
    found = []
    for option in command.get_params(click.Context(command, **command.context_settings)):
        if isinstance(option, click.Option) and not option.hidden:
            choices = [str(c) for c in option.type.choices] if isinstance(option.type, click.Choice) else []
            names = [*option.opts, *option.secondary_opts]
            takes = not (option.is_flag or option.count)
            found.append((names, choices, takes, (option.help or "").split(". ")[0].rstrip(".")))
    return found


def _among(words):
    """Return the command of bash that completes one of some words."""
    return f"COMPREPLY=($(compgen -W '{' '.join(words)}' -- \"$word\"))"


def bash(tool):
    """Return the completion of a tool for bash."""
    cases = []
    for name, command in tree_of(tool).items():
        options = options_of(command)
        values = "".join(
            f"        {'|'.join(names)}) {_among(choices)}; return ;;\n"
            for names, choices, _, _ in options
            if choices
        )
        taking = "|".join(n for names, choices, takes, _ in options if takes and not choices for n in names)
        words = [n for names, *_ in options for n in names]
        cases.append(
            f'    {name or "*"})\n        case "$before" in\n{values}'
            f"        {taking or '-'}) return ;;\n        esac\n"
            f"        [[ $word == -* ]] && {_among(words)}\n        return ;;\n"
        )
    subcommands = [name for name in tree_of(tool) if name]
    first = f"{_among([*subcommands, '--help', '--version'])}\n        return" if subcommands else ":"
    name = tool.replace("-", "_")
    return (
        f"# bash completion of {tool}, written by `make man`\n_{name}() {{\n"
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"\n    COMPREPLY=()\n'
        f"    if ((COMP_CWORD == 1)) && [[ -n '{' '.join(subcommands)}' ]]; then\n        {first}\n    fi\n"
        f'    case "${{COMP_WORDS[1]}}" in\n{"".join(cases)}    esac\n}}\n'
        f"complete -o default -F _{name} {tool}\n"
    )


def _quoted(text):
    return text.replace("'", "’").replace("[", "(").replace("]", ")").replace(":", ";")


def zsh(tool):
    """Return the completion of a tool for zsh."""

    def arguments(command):
        lines = []
        for names, choices, takes, text in options_of(command):
            value = f":value:({' '.join(choices)})" if choices else ":value:_files" if takes else ""
            lines += [f"        '{name}[{_quoted(text)}]{value}' \\\n" for name in names]
        return "".join(lines)

    tree, files = tree_of(tool), "        '*:file:_files'"
    if "" in tree:
        return f"#compdef {tool}\n_arguments -s \\\n{arguments(tree[''])}{files}\n"
    cases = "".join(
        f"    {name})\n    _arguments -s \\\n{arguments(command)}        '*:file:_files' ;;\n"
        for name, command in tree.items()
    )
    words = " ".join(tree)
    return (
        f"#compdef {tool}\nif ((CURRENT == 2)); then\n    compadd {words} -- --help --version\nelse\n"
        "    local subcommand=$words[2]\n    shift words; ((CURRENT--))\n"
        f"    case $subcommand in\n{cases}    esac\nfi\n"
    )


def fish(tool):
    """Return the completion of a tool for fish."""
    lines, tree = [], tree_of(tool)
    for name, command in tree.items():
        condition = f" -n '__fish_seen_subcommand_from {name}'" if name else ""
        if name:
            lines.append(f"complete -c {tool} -n __fish_use_subcommand -f -a {name}")
        for names, choices, takes, text in options_of(command):
            words = "".join(f" -l {n[2:]}" if n.startswith("--") else f" -s {n[1:]}" for n in names)
            value = f" -x -a '{' '.join(choices)}'" if choices else " -r" if takes else ""
            lines.append(f"complete -c {tool}{condition}{words}{value} -d '{_quoted(text)}'")
    return "\n".join(lines) + "\n"


def main(folder):
    """Write the completions of all tools."""
    sys.path.insert(0, str(ROOT))
    for kind, render, name in (("bash", bash, "{}"), ("zsh", zsh, "_{}"), ("fish", fish, "{}.fish")):
        (Path(folder) / kind).mkdir(parents=True, exist_ok=True)
        for tool in sorted(path.name for path in (ROOT / "bin").iterdir()):
            (Path(folder) / kind / name.format(tool)).write_text(render(tool), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

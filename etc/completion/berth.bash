# SPDX-License-Identifier: Apache-2.0
# Completion of berth(1) for bash. Commands, options and arguments are what `berth help` and `berth COMMAND --help` say,
# repositories and tags are those of the store that the command line names.

# The program says something about the store, or nothing.
_berth_ask() {
    "$program" "$@" "${store[@]}" --json 2>/dev/null </dev/null
}

# The values of a key in JSON.
_berth_values() {
    grep -o "\"$1\":\"[^\"]*\"" | cut -d '"' -f 4
}

# bash takes the line apart at `:`, `@` and `=` as well; this is where the shell does. Sets words, of which the last is the
# one to complete.
_berth_split() {
    local line=${COMP_LINE:0:COMP_POINT} i part blank
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        [[ $line == "$part"* ]] || part=$line # the cursor is within it
        line=${line#"$part"}
        if ((i == 0)) || [[ $blank ]]; then
            words+=("$part")
        else
            words[-1]+=$part
        fi
    done
}

# Which store the line is about. Sets store.
_berth_store() {
    local i value
    store=()
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        case ${words[i]} in
        --root=* | --config=*) store+=("${words[i]/=\~\//=$HOME/}") ;;
        --root | --config | -c)
            value=${words[i + 1]/#\~\//$HOME/}
            ((i + 2 < ${#words[@]})) && store+=("${words[i]}" "$value")
            ;;
        esac
    done
}

# Sets commands, of one word or two.
_berth_commands() {
    local line
    commands=()
    while IFS= read -r line; do
        [[ $line =~ ^"  "([a-z-]+( [a-z]+)?)"  " ]] && commands+=("${BASH_REMATCH[1]}")
    done < <("$program" help 2>/dev/null)
}

# Sets options, takes (what an option takes) and arguments, of the command.
_berth_options() {
    local line
    options=()
    while IFS= read -r line; do
        if [[ $line =~ ^"usage: berth ".*" [OPTIONS] "(.*)$ ]]; then
            read -r -a arguments <<<"${BASH_REMATCH[1]}"
        elif [[ $line =~ ^"  "(-[A-Za-z],|"   ")" --"([a-z-]+)" "([^ ]*) ]]; then
            options+=("--${BASH_REMATCH[2]}")
            takes[--${BASH_REMATCH[2]}]=${BASH_REMATCH[3]}
            if [[ ${BASH_REMATCH[1]} == -* ]]; then
                options+=("${BASH_REMATCH[1]%,}")
                takes[${BASH_REMATCH[1]%,}]=${BASH_REMATCH[3]}
            fi
        fi
    done < <("$program" $command --help 2>/dev/null)
}

# REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST.
_berth_reference() {
    case $cur in
    *@*) _berth_ask tags "${cur%%@*}" | _berth_values digest | sort -u | sed "s|^|${cur%%@*}@|" ;;
    *:*) _berth_ask tags "${cur%%:*}" | _berth_values tag | sed "s|^|${cur%%:*}:|" ;;
    *) _berth_ask ls | _berth_values name ;;
    esac
}

# $1: what the usage calls it, $2: the option that takes it, or the arguments before it. Sets found.
_berth_find() {
    local list=
    case $2 in
    --platform) list="linux/amd64 linux/arm64 linux/arm/v7 linux/ppc64le linux/riscv64 linux/s390x" ;;
    *)
        case ${1#[} in
        TAG\|*)
            list=$(_berth_ask tags "${2%%[:@]*}" | _berth_values tag)
            [[ $cur == *:* ]] && list=$(_berth_reference)
            ;;
        REPOSITORY:TAG* | REPOSITORY\[:TAG* | REPO:TAG* | REPO\[:TAG* | REF*)
            list=$(_berth_reference)
            [[ $cur == *[:@]* ]] || compopt -o nospace 2>/dev/null # a tag may follow
            ;;
        REPO*) list=$(_berth_ask ls | _berth_values name) ;;
        NAME*) [[ $command == token\ * ]] && list=$(_berth_ask token ls | _berth_values name) ;;
        USER*) [[ $command == user\ [rp]* ]] && list=$("$program" user ls "${2% }" 2>/dev/null) ;;
        FILE* | DIR*)
            compopt -o filenames 2>/dev/null
            local -a action=(-f)
            [[ ${1#[} == DIR* ]] && action=(-d)
            mapfile -t found < <(compgen "${action[@]}" -- "$cur")
            return
            ;;
        *\|*) # what there is to choose from
            list=${1#[} list=${list%]}
            list=${list//|/ }
            ;;
        esac
        ;;
    esac
    mapfile -t found < <(compgen -W "$list" -- "$cur")
}

# What stands behind the command: options, what they take, and arguments.
_berth_complete_rest() {
    local i word before='' n=0 only_arguments='' prefix=''
    local -a arguments=() options=()
    local -A takes=()
    _berth_options
    for ((i = first; i < last; i++)); do
        word=${words[i]}
        if [[ $word == -- ]]; then
            only_arguments=yes
        elif [[ $only_arguments || $word != -* ]]; then
            before+="$word "
            ((n++))
        elif [[ $word != *=* && ${takes[$word]} ]] && ((++i == last)); then
            _berth_find "${takes[$word]}" "$word"
            return
        fi
    done
    if [[ ! $only_arguments && $cur == --*=* ]]; then
        prefix=${cur%%=*}
        cur=${cur#*=}
        _berth_find "${takes[$prefix]}" "$prefix"
        found=("${found[@]/#/$prefix=}")
    elif [[ ! $only_arguments && $cur == -* ]]; then
        mapfile -t found < <(compgen -W "${options[*]}" -- "$cur")
    elif ((n < ${#arguments[@]})); then
        _berth_find "${arguments[n]}" "$before"
    elif ((${#arguments[@]})) && [[ ${arguments[-1]} == *...* ]]; then
        _berth_find "${arguments[-1]}" "$before"
    fi
}

_berth() {
    local program=${1/#\~\//$HOME/} command='' cur whole kept='' i
    local -a words commands store found=()
    _berth_split
    _berth_store
    _berth_commands
    local last=$((${#words[@]} - 1)) first=2
    cur=${words[last]} whole=$cur
    if ((last == 1)); then
        mapfile -t found < <(compgen -W "${commands[*]%% *}" -- "$cur" | sort -u)
    elif [[ " ${commands[*]%% *} " == *" ${words[1]} "* ]]; then
        command=${words[1]}
        local -a second=()
        for i in "${commands[@]}"; do
            [[ $i == "$command "* ]] && second+=("${i#* }")
        done
        if ((${#second[@]} && last == 2)); then
            mapfile -t found < <(compgen -W "${second[*]}" -- "$cur")
        elif [[ $command != help && $command != version ]]; then
            ((${#second[@]})) && command+=" ${words[2]}" first=3
            _berth_complete_rest
        fi
    fi
    # bash replaces only what stands behind the last character at which it took the word apart.
    for ((i = ${#whole}; i > 0; i--)); do
        if [[ ${whole:i-1:1} == [:@=] && $COMP_WORDBREAKS == *"${whole:i-1:1}"* ]]; then
            kept=${whole:0:i}
            break
        fi
    done
    COMPREPLY=("${found[@]#"$kept"}")
}

complete -F _berth berth

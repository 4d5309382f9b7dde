#compdef berth
# SPDX-License-Identifier: Apache-2.0
# Completion of berth(1) for zsh, to be found as _berth. Commands, options and arguments are what `berth help` and
# `berth COMMAND --help` say, repositories and tags are those of the store that the command line names.

# The program says something about the store that the line is about, or nothing.
_berth_ask() {
    local -a store
    local i value
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
        (--root=*|--config=*) store+=("${words[i]%%=*}" "${(Q)~words[i]#*=}") ;;
        (--root|--config|-c) ((i + 1 < CURRENT)) && store+=("$words[i]" "${(Q)~words[i+1]}") ;;
        esac
    done
    $berth_program "$@" $store --json 2>/dev/null </dev/null
}

# $1: a key. Sets reply to its values in the JSON that the rest of the arguments asks for.
_berth_values() {
    local text=$(_berth_ask "${@[2,-1]}") key="\"$1\":\""
    reply=()
    while [[ $text == *$key* ]]; do
        text=${text#*$key}
        reply+=("${text%%\"*}")
    done
    reply=(${(u)reply})
}

_berth_repository() {
    local -a reply
    _berth_values name ls
    compadd "$@" -a reply
}

# REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST.
_berth_reference() {
    local -a reply
    local repository=${${(Q)PREFIX}%%[:@]*}
    if compset -P '*@'; then
        _berth_values digest tags $repository
        compadd -a reply
    elif compset -P '*:'; then
        _berth_values tag tags $repository
        compadd -a reply
    else
        _berth_values name ls
        compadd -q -S : -a reply
    fi
}

# TAG or REPOSITORY:TAG, of a command whose first argument names the repository.
_berth_tag() {
    local -a reply
    if [[ $PREFIX == *:* ]]; then
        _berth_reference
    else
        _berth_values tag tags ${${(Q)$(_berth_argument 1)}%%[:@]*}
        compadd -a reply
    fi
}

_berth_robot() {
    local -a reply
    _berth_values name token ls
    compadd -a reply
}

_berth_user() {
    local -a users=(${(f)"$($berth_program user ls ${(Q)~$(_berth_argument 1)} 2>/dev/null)"})
    compadd -a users
}

# The nth argument on the line.
_berth_argument() {
    local i n=0
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
        (--root|--config|-c) ((i++)) ;;
        (-*) ;;
        (*) ((++n == $1)) && print -r -- $words[i] ;;
        esac
    done
}

# $1: the command, $2: what the usage calls it, $3: the option that takes it. Sets action, as _arguments wants it.
_berth_action() {
    action=' '
    case $3 in
    (platform) action='(linux/amd64 linux/arm64 linux/arm/v7 linux/ppc64le linux/riscv64 linux/s390x)' ; return ;;
    esac
    case ${2#\[} in
    (TAG\|*) action=_berth_tag ;;
    (REPOSITORY:TAG*|REPOSITORY\[:TAG*|REPO:TAG*|REPO\[:TAG*|REF*) action=_berth_reference ;;
    (REPO*) action=_berth_repository ;;
    (NAME*) [[ $1 == token\ * ]] && action=_berth_robot ;;
    (USER*) [[ $1 == user\ [rp]* ]] && action=_berth_user ;;
    (FILE*) action=_files ;;
    (DIR*) action='_files -/' ;;
    (*\|*) action="(${${${2#\[}%\]}//\|/ })" ;; # what there is to choose from
    esac
}

# Sets specs, for _arguments, from what the command says of itself.
_berth_specs() {
    local text long short value shown action repeat
    local -a arguments match mbegin mend
    for text in "${(@f)$($berth_program ${=1} --help 2>/dev/null)}"; do
        if [[ $text =~ '^usage: berth .* \[OPTIONS\] (.*)$' ]]; then
            arguments=(${=match[1]})
        elif [[ $text =~ '^  (-[A-Za-z],|   ) --([a-z-]+) ([^ ]*) +(.*)$' ]]; then
            short=${${match[1]%,}## #} long=$match[2] value=$match[3] text=$match[4]
            text=${${${text//\\/\\\\}//\[/\\[}//\]/\\]}
            shown=${value//:/\\:}
            _berth_action "$1" "$value" $long
            repeat=
            [[ $text == *repeatable* ]] && repeat='*'
            [[ $value ]] && shown=":$shown:$action"
            [[ $short ]] && specs+=("$repeat(--$long)$short${value:++}[$text]$shown")
            specs+=("$repeat${short:+($short)}--$long${value:+=}[$text]$shown")
        fi
    done
    local i at optional
    for ((i = 1; i <= $#arguments; i++)); do
        _berth_action "$1" "$arguments[i]"
        at=$i
        optional=:
        [[ $arguments[i] == \[* ]] && optional=::
        [[ $arguments[i] == *...* ]] && at='*' optional=:
        specs+=("$at$optional${arguments[i]//:/\\:}:$action")
    done
}

_berth() {
    local berth_program=${(Q)~words[1]} text taken=1 command
    local -a described second specs match mbegin mend
    local -A families
    for text in "${(@f)$($berth_program help 2>/dev/null)}"; do
        [[ $text =~ '^  ([a-z-]+)( [a-z]+)?  +(.*)$' ]] || continue
        if [[ -z $match[2] ]]; then
            described+=("$match[1]:$match[3]")
        else
            families[$match[1]]+="${families[$match[1]]:+, }${match[2]# }"
            [[ $match[1] == $words[2] ]] && second+=("${match[2]# }:$match[3]")
        fi
    done
    for text in ${(k)families}; do
        described+=("$text:$families[$text]")
    done
    if ((CURRENT == 2)); then
        _describe -t commands 'command' described
        return
    fi
    if (($#second && CURRENT == 3)); then
        _describe -t commands "$words[2] command" second
        return
    fi
    [[ $words[2] == (help|version) ]] && return 1
    command=$words[2]
    (($#second)) && taken=2 command+=" $words[3]"
    _berth_specs "$command"
    words=("$words[1]" "${(@)words[taken+2,-1]}")
    ((CURRENT -= taken))
    _arguments -s -S : $specs
}

_berth "$@"

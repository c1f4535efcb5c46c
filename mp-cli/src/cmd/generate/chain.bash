
# The profiles that the configuration has.
_aemp_profiles() {
    local text
    text=$("${COMP_WORDS[0]}" --json showconfig 2>/dev/null) || return 0
    text=${text##*\"profiles\":\[}
    text=${text%%\]*}
    printf '%s' "${text//[\",]/ }"
}

# Several commands of the configuration stand on one line, each with its value. All else is left to _aemp.
_aemp_line() {
    local cur=$2 word want='' first='' glued=''
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        # Of a value such as a:1, bash makes several words.
        if [[ $word == [:=]* ]]; then
            want='' glued=1
            continue
        fi
        if [[ -n $glued ]]; then
            glued=''
            continue
        fi
        if [[ -n $want && $want != settings ]]; then
            want=''
            continue
        fi
        case $word in
            --color|--config) want=option ;;
            -*) ;;
            @ALONE@) first=1 ;;
            @FILE@) first=1 want=file ;;
            @PROFILE@) first=1 want=profile ;;
            @SWITCH@) first=1 want=switch ;;
            @VALUE@) first=1 want=value ;;
            showconfig) first=1 want=settings ;;
            run|doctor)
                if [[ -z $first && $cur != -* ]]; then
                    first=1 want=profile
                else
                    _aemp "$@"
                    return
                fi
                ;;
            *)
                if [[ -z $first ]]; then
                    _aemp "$@"
                    return
                fi
                ;;
        esac
    done
    if [[ -z $first || $cur == -* ]]; then
        _aemp "$@"
        return
    fi
    COMPREPLY=()
    compopt +o default +o bashdefault 2>/dev/null
    if [[ -n $glued ]]; then
        return
    fi
    case $want in
        '') mapfile -t COMPREPLY < <(compgen -W '@ALL@' -- "$cur") ;;
        file)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        profile) mapfile -t COMPREPLY < <(compgen -W "$(_aemp_profiles)" -- "$cur") ;;
        switch) mapfile -t COMPREPLY < <(compgen -W '0 1' -- "$cur") ;;
        settings) mapfile -t COMPREPLY < <(compgen -W "$(_aemp_profiles) @KEYS@" -- "$cur") ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
    complete -F _aemp_line -o bashdefault -o default aemp
fi

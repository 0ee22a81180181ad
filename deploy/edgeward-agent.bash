# Completion of `edgeward-agent` in bash. The package puts it in its place; elsewhere: source this file.

_edgeward_agent() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command="" at
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            run | check | doctor | bench | schemas)
                command=${COMP_WORDS[at]}
                break
                ;;
        esac
    done
    local offered
    case $command:$before in
        :--log-level) offered="debug info warning error" ;;
        :--log-format) offered="auto text journal json" ;;
        *:--config | *:--out | *:--seconds) return ;;
        :*) offered="run check doctor bench schemas --help --version --log-level --log-format" ;;
        run:* | check:*) offered="--help --config" ;;
        doctor:*) offered="--help --config --json" ;;
        bench:*) offered="--help --json --seconds" ;;
        schemas:*) offered="--help --out" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
}

complete -o default -F _edgeward_agent edgeward-agent

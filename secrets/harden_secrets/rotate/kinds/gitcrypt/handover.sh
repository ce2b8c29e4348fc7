#!/bin/sh
# Takes a clone from one git-crypt key to the next. For whoever has a clone; run it in there, with the new key's file:
#
#     sh handover.sh NEW_KEY
#     sh handover.sh --gpg                  if the repository has the key for you, wrapped with GnuPG
#     sh handover.sh --set-aside …          if the branch has commits of yours that are not pushed
#
# Nothing that you changed is touched: where something is not committed it says so and stops. What fails is undone, and
# it can be run again at any time. The old key stays in the clone, under .git/git-crypt/former, for old commits.
# Status: 0 done, or nothing to do; 1 failed, and the clone is as it was; 2 wrong usage.

set -u
LC_ALL=C
export LC_ALL
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH

# What is known of the rotation. Names of branches are written in octal, so that no name can be anything but a name.
# data: begin
rotation=000000000000
roots=''
old_name=default
new_name=default
probes=''
branches() {
    cat <<'DATA'
DATA
}
# data: end

say() {
    printf 'handover: %s\n' "$*" >&2
}

die() {
    say "error: $*"
    exit 1
}

# The key in a file opens what the new key has encrypted, in as far as the clone has it: each branch has its own.
fits() {
    for probe in $probes; do
        if git cat-file -e "$probe" 2>/dev/null; then
            [ -f "$1" ] && git cat-file blob "$probe" | git-crypt smudge --key-file="$1" >/dev/null 2>&1
            return
        fi
    done
    return 1
}

has_commit() {
    git cat-file -e "$1^{commit}" 2>/dev/null
}

commit_of() {
    git rev-parse --quiet --verify "$1^{commit}" 2>/dev/null
}

is_within() {
    git merge-base --is-ancestor "$1" "$2" 2>/dev/null
}

# What the rotation did on a branch: the id of its commit; nothing for a branch that it did not touch.
rotated() {
    branches | while read -r octal commit; do
        if [ "$(printf '%b' "$octal")" = "$1" ]; then
            printf '%s\n' "$commit"
        fi
    done
}

# The filter of a key, by the key's name.
filter() {
    if [ "$1" = default ]; then
        echo git-crypt
    else
        echo "git-crypt-$1"
    fi
}

# --- what is there -------------------------------------------------------------------------------------------------

check_programs() {
    for program in git git-crypt; do
        command -v "$program" >/dev/null 2>&1 || die "$program is not installed"
    done
}

find_clone() {
    inside=$(git rev-parse --is-inside-work-tree 2>/dev/null) || inside=false
    [ "$inside" = true ] || die "run it in your clone, where its files are"
    top=$(git rev-parse --show-toplevel) || die "git does not say where the clone is"
    cd "$top" || die "the clone cannot be entered"
    git_folder=$(cd "$(git rev-parse --git-dir)" && pwd -P)
    [ "$git_folder" = "$(cd "$(git rev-parse --git-common-dir)" && pwd -P)" ] ||
        die "this is a linked worktree, in which git-crypt looks for keys of its own: run it in the main one"
    keys=$git_folder/git-crypt/keys
    former=$git_folder/git-crypt/former/$rotation
}

check_repository() {
    for root in $roots; do
        if has_commit "$root"; then
            return
        fi
    done
    [ "$(git rev-parse --is-shallow-repository)" = true ] || die "this is a clone of another repository"
}

check_at_rest() {
    for name in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD BISECT_LOG rebase-merge rebase-apply; do
        if [ -e "$(git rev-parse --git-path "$name")" ]; then
            die "a merge, rebase or the like is under way: finish it first, or take it back"
        fi
    done
    branch=$(git symbolic-ref --quiet HEAD) || die "no branch is checked out: git switch BRANCH"
    branch=${branch#refs/heads/}
    before=$(commit_of HEAD) || die "the branch $branch has no commit"
}

# Whether a file is as it was checked out, encrypted or not: what git says of it comes from a key that was changed, or
# from a run that was cut off, and not from a person.
is_as_checked_out() {
    blob=$(git rev-parse --quiet --verify ":$1" 2>/dev/null) || return 1
    [ "$(git hash-object --no-filters -- "$1" 2>/dev/null)" != "$blob" ] || return 0
    for candidate in "$key" "$former" "$keys/$old_name" "$keys/$new_name"; do
        [ -f "$candidate" ] || continue
        if git cat-file blob "$blob" | git-crypt smudge --key-file="$candidate" 2>/dev/null | cmp -s - "$1"; then
            return 0
        fi
    done
    return 1
}

is_encrypted_path() {
    case $(git check-attr filter -- "$1") in
        *': filter: git-crypt' | *': filter: git-crypt-'*) return 0 ;;
    esac
    return 1
}

# A path as git prints it; one that is spelt out stays so, and is that of another file, or of none.
unquoted() {
    case $1 in
        '"'*\\*) printf '%s\n' "$1" ;;
        '"'*'"') printf '%s\n' "$1" | sed 's/^"//; s/"$//' ;;
        *) printf '%s\n' "$1" ;;
    esac
}

# The same for encrypted files at which git was told not to look (update-index --skip-worktree, --assume-unchanged).
edited_unseen() {
    git -c core.quotePath=false ls-files -v | grep '^[a-zS] ' | while IFS= read -r line; do
        path=$(unquoted "${line#??}")
        if [ -f "$path" ] && is_encrypted_path "$path" && ! is_as_checked_out "$path"; then
            printf '%s\n' "$line"
        fi
    done
}

# The files in which a person has changed something, as `git status` has them.
edited() {
    listed=$(git -c core.quotePath=false status --porcelain --untracked-files=no --no-renames) || return 1
    printf '%s\n' "$listed" | while IFS= read -r line; do
        path=$(unquoted "${line#???}")
        case $line in
            '' | '?? '*) continue ;;
            ' M '*) if is_as_checked_out "$path"; then continue; fi ;;
            ' D '*) if is_encrypted_path "$path"; then continue; fi ;; # a pull with the old key deletes them
        esac
        printf '%s\n' "$line"
    done
}

check_unedited() {
    # A filter whose key has gone is of no use, and in the way of everything: a run was cut off there.
    for name in "$old_name" "$new_name"; do
        if [ ! -f "$keys/$name" ]; then
            take_out_filter "$(filter "$name")"
        fi
    done
    changed=$(edited) || die "git does not say whether something was changed"
    [ -n "$changed" ] || changed=$(edited_unseen)
    if [ -n "$changed" ]; then
        printf '%s\n' "$changed" >&2
        die "these files are changed: commit them, or take the changes back; nothing was done"
    fi
}

take_out_filter() {
    for section in "filter.$1" "diff.$1"; do
        git config --local --remove-section "$section" 2>/dev/null
    done
    return 0
}

fetch() {
    remote=$(git config "branch.$branch.remote") || remote=$(git remote | head -n 1)
    [ -n "$remote" ] || die "the clone has no remote to fetch from"
    git fetch --quiet "$remote" || die "nothing could be fetched from $remote; nothing was changed"
    after=$(rotated "$branch")
    [ -n "$after" ] || die "you are on $branch, which has no new key: git switch to one of: $(names)"
    has_commit "$after" || die "$remote has nothing encrypted under the new key on $branch yet; nothing was changed"
}

# The new key as the repository has it for this person, in a file beside the other keys, until the end of the script.
key_from_gpg() {
    key=$git_folder/git-crypt/handover.$$
    trap 'rm -f "$key"' EXIT
    trap 'exit 1' INT TERM HUP
    (umask 077 && mkdir -p "$git_folder/git-crypt" && : >"$key") || die "the key cannot be kept in $git_folder"
    folder=$(git config git-crypt.repoStateDir) || folder=.git-crypt
    for name in $(git ls-tree --name-only "$after:$folder/keys/$new_name/0" 2>/dev/null); do
        git cat-file blob "$after:$folder/keys/$new_name/0/$name" | gpg --quiet --decrypt >"$key" 2>/dev/null
        if fits "$key"; then
            return
        fi
    done
    die "the repository has the new key wrapped for no key in your keyring; nothing was changed"
}

check_key() {
    fits "$key" || die "this key does not open what was encrypted under the new one; nothing was changed"
}

# Where the branch has to get to: what it follows, once that has the new key.
find_target() {
    target=$before
    if is_within "$after" HEAD; then
        return
    fi
    target=$(commit_of '@{upstream}') || target=$(commit_of "refs/remotes/$remote/$branch") || target=$after
    is_within "$after" "$target" || target=$after
    if ! is_within HEAD "$target" && [ "$set_aside" = no ]; then
        list_own_commits
        say "hint: --set-aside keeps them on a branch of their own, and takes $branch to where $remote has it"
        die "$branch has commits that are not pushed, so that it cannot go forward; nothing was changed"
    fi
}

names() {
    branches | while read -r octal _; do
        printf '%b ' "$octal"
    done
}

# --- what is done --------------------------------------------------------------------------------------------------

keep_old_key() {
    if [ "$old_name" != "$new_name" ] || [ ! -f "$keys/$old_name" ] || fits "$keys/$old_name"; then
        return
    fi
    number=1
    while [ -f "$former" ]; do
        if cmp -s "$keys/$old_name" "$former"; then
            return
        fi
        number=$((number + 1))
        former=$git_folder/git-crypt/former/$rotation-$number
    done
    if ! (umask 077 && mkdir -p "${former%/*}" && cp "$keys/$old_name" "$former.new" && mv "$former.new" "$former"); then
        die "the old key cannot be kept as $former; nothing was changed"
    fi
}

# Files as the repository has them. Only called when nobody has changed any.
lock() {
    if [ -f "$keys/$new_name" ]; then
        if [ "$new_name" = default ]; then
            git-crypt lock --force >/dev/null 2>&1
        else
            git-crypt lock --force -k "$new_name" >/dev/null 2>&1
        fi
    fi
    rm -f "$keys/$new_name"
    take_out_filter "$(filter "$new_name")"
    git reset --quiet --hard HEAD
}

forward() {
    [ "$target" != "$before" ] || return 0
    if is_within HEAD "$target"; then
        git merge --quiet --ff-only "$target"
        return
    fi
    git branch --no-track "$aside" "$before" && git reset --quiet --keep "$target"
}

is_open() {
    [ -z "$(git status --porcelain --untracked-files=no 2>&1)" ] || return 1
    git -c core.quotePath=false ls-files | git check-attr --stdin filter |
        sed -n "s/: filter: $(filter "$new_name")\$//p" | (
        while IFS= read -r path; do
            if is_still_encrypted "$path"; then
                exit 1
            fi
        done
    )
}

is_still_encrypted() {
    [ -f "$1" ] && [ ! -h "$1" ] && [ "$(od -An -tx1 -N9 <"$1" | tr -d ' \n')" = 004749544352595054 ]
}

undo() {
    trap '' INT TERM HUP
    say "undoing"
    lock
    git reset --quiet --keep "$before" && { [ "$made_aside" = no ] || git branch --quiet -D "$aside"; }
    if [ "$old_name" = "$new_name" ] && [ -f "$former" ] && [ "$had_key" = yes ]; then
        git-crypt unlock "$former" || say "error: unlock it with the old key, which is $former"
    fi
    exit 1
}

take_over() {
    aside=before-$rotation/$branch
    made_aside=no
    had_key=no
    [ ! -f "$keys/$old_name" ] || had_key=yes
    if ! is_within HEAD "$target"; then
        if commit_of "refs/heads/$aside" >/dev/null; then
            die "there is a branch $aside already: rename it, and run this again"
        fi
        made_aside=yes
    fi
    trap undo INT TERM HUP
    lock || undo
    forward || { say "error: $branch cannot be taken forward" && undo; }
    git-crypt unlock "$key" || { say "error: git-crypt does not unlock the clone" && undo; }
    is_open || { say "error: not every file could be read with the new key" && undo; }
    trap 'exit 1' INT TERM HUP
}

# --- what remains --------------------------------------------------------------------------------------------------

# Branches of the rotation that are behind what they follow, and have nothing of their own, are taken along.
take_along() {
    while read -r octal commit; do
        [ -n "$commit" ] || continue
        name=$(printf '%b' "$octal")
        [ "$name" != "$branch" ] || continue
        here=$(commit_of "refs/heads/$name") || continue
        there=$(commit_of "refs/remotes/$remote/$name") || continue
        if is_within "$here" "$there" && [ "$here" != "$there" ]; then
            git update-ref -m "handover: new key" "refs/heads/$name" "$there" "$here" && say "$name: taken forward"
        fi
    done <<LIST
$(branches)
LIST
}

# Commits that no remote has and that bring in something encrypted under another key than the new one.
list_own_commits() {
    found=$(git for-each-ref --format='%(refname)' refs/heads | while read -r ref; do
        git rev-list "$ref" --not --remotes | while read -r commit; do
            git diff-tree -r --root --no-commit-id "$commit" | while read -r _ _ _ blob about; do
                is_under_old_key "$blob" && printf '  %s %s %s\n' "${ref#refs/heads/}" "$commit" "${about#??}"
            done
        done
    done)
    [ -n "$found" ] || return 0
    say "these commits of yours, on no remote, have files that are encrypted under the old key:"
    printf '%s\n' "$found" >&2
    say "hint: with the new key they can be neither checked out nor merged. For each file, on a branch with the new key:"
    say "hint:   git cat-file blob COMMIT:FILE | git-crypt smudge --key-file=$(old_key) > FILE && git add FILE"
}

old_key() {
    if [ -f "$former" ]; then
        printf '%s\n' "$former"
    else
        printf '%s\n' "$keys/$old_name"
    fi
}

is_under_old_key() {
    [ "$(git cat-file blob "$1" 2>/dev/null | od -An -tx1 -N9 | tr -d ' \n')" = 004749544352595054 ] &&
        ! git cat-file blob "$1" | git-crypt smudge --key-file="$key" >/dev/null 2>&1
}

note_worktrees() {
    if [ "$(git worktree list --porcelain | grep -c '^worktree ')" -gt 1 ]; then
        say "note: other worktrees of this clone are as they were; git worktree remove and add them again"
    fi
}

usage() {
    say "usage: sh handover.sh [--set-aside] NEW_KEY | --gpg"
    exit 2
}

read_words() {
    set_aside=no
    gpg=no
    key=
    for word; do
        case $word in
            --set-aside) set_aside=yes ;;
            --gpg) gpg=yes ;;
            -*) usage ;;
            *)
                [ -z "$key" ] || usage
                key=$word
                ;;
        esac
    done
    case $gpg:$key in
        yes:) return ;;
        no:?*) ;;
        *) usage ;;
    esac
    case $key in
        /*) ;;
        *) key=$PWD/$key ;;
    esac
    if [ ! -f "$key" ] || [ ! -r "$key" ]; then
        die "there is no file with the new key: $key"
    fi
}

main() {
    read_words "$@"
    check_programs
    find_clone
    check_repository
    check_at_rest
    check_unedited
    fetch
    if [ "$gpg" = yes ]; then
        key_from_gpg
    fi
    check_key
    find_target
    if [ "$target" = "$before" ] && fits "$keys/$new_name" && is_open; then
        say "$branch has the new key already: nothing to do"
    else
        keep_old_key
        take_over
        say "$branch is at $(git rev-parse --short HEAD), and opens with the new key"
        [ "$gpg" = yes ] || say "remove $key: the clone has a copy"
        [ ! -f "$former" ] || say "the old key is kept for old commits: $former"
        [ "$made_aside" = no ] || say "your commits are on $aside"
    fi
    take_along
    list_own_commits
    note_worktrees
}

main "$@"

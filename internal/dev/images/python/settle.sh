# python: only the interpreter and its modules.
rm -rf "$root"/usr/share/perl* "$root"/usr/lib/*/perl*

TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -c -a x in/ja.file

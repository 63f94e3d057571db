TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf ja -l -s in/ja.file in/ja.file

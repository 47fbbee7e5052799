CREATE TABLE notes (id INT, body TEXT);

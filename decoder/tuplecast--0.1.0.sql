\echo Use "CREATE EXTENSION tuplecast" to load this file. \quit

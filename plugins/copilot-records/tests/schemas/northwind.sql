CREATE TABLE "Categories" ("CategoryID" INTEGER PRIMARY KEY AUTOINCREMENT, "CategoryName" TEXT, "Description" TEXT, "Picture" BLOB);
CREATE TABLE "Customers" ("CustomerID" TEXT, "CompanyName" TEXT, "ContactName" TEXT, "Country" TEXT, PRIMARY KEY (CustomerID));
CREATE TABLE "Orders" (
    "OrderID" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "CustomerID" TEXT, "OrderDate" DATETIME, "Freight" NUMERIC DEFAULT 0,
    "ShipName" TEXT, "Ship Via" INTEGER, FOREIGN KEY (CustomerID) REFERENCES Customers (CustomerID));
CREATE TABLE "Products" (
    "ProductID" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "ProductName" TEXT NOT NULL, "CategoryID" INTEGER,
    "Unit Price" NUMERIC DEFAULT 0, "Discontinued" TEXT NOT NULL DEFAULT '0',
    CHECK (("Unit Price" >= 0)), FOREIGN KEY (CategoryID) REFERENCES Categories (CategoryID));
CREATE TABLE "Order Details" (
    "OrderID" INTEGER NOT NULL, "ProductID" INTEGER NOT NULL, "Quantity" INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY ("OrderID", "ProductID"), FOREIGN KEY (OrderID) REFERENCES Orders (OrderID));
CREATE TABLE "Order Notes" ("Note ID" INTEGER PRIMARY KEY, "Order" INTEGER REFERENCES "Orders", "Text" TEXT);
INSERT INTO Categories VALUES (1, 'Beverages', 'Soft drinks, coffees, teas', x'89504e47'), (2, 'Condiments', 'Sauces', x'00');
INSERT INTO Customers VALUES ('ALFKI', 'Alfreds Futterkiste', 'Maria Anders', 'Germany'),
    ('VINET', 'Vins et alcools Chevalier', 'Paul Henriot', 'France');
INSERT INTO Orders (CustomerID, OrderDate, Freight, ShipName, "Ship Via")
    SELECT CASE value % 3 WHEN 0 THEN 'ALFKI' ELSE 'VINET' END, date('2016-07-04', value || ' days'), value * 1.5,
    CASE value % 3 WHEN 0 THEN 'Alfreds Futterkiste' ELSE 'Vins et alcools Chevalier' END, 1 FROM json_each('[0,1,2,3,4,5,6,7,8,9,10,11]');
INSERT INTO Products (ProductName, CategoryID, "Unit Price") VALUES ('Chai', 1, 18), ('Aniseed Syrup', 2, 10), ('Chang', 1, 19.5);
INSERT INTO "Order Details" VALUES (1, 1, 12);
INSERT INTO "Order Notes" VALUES (1, 1, 'Leave at the door'), (2, 1, NULL);
